import fixture from './fixture.config';

export default { ...fixture, testMatch: ['look.ts'], timeout: 15_000 };
