// `tree` builds fragments element by element: no innerHTML anywhere, so the page needs no Trusted Types policy.
export default { compilerOptions: { runes: true, fragments: 'tree' } };
