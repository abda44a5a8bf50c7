/** What somebody might write to do harm. It is text and stays text. */
export const HOSTILE = [
  '<script>window.stolen = 1</script>', '<img src=x onerror="window.stolen = 1">', '"><svg/onload=window.stolen=1>', '</textarea><b>x</b>',
  'javascript:window.stolen=1', '[x](javascript:window.stolen=1)', '{{constructor.constructor("window.stolen=1")()}}', '${window.stolen=1}',
  '&lt;b&gt; &#x3c;i&#x3e;', '\u202ereversed\u202c \u2066isolated', 'https://a.example/\u202egpj.exe', 'a\u0000b', 'z\u0300\u0301\u0302\u0303'.repeat(200),
  '**`_~'.repeat(300), `${'>'.repeat(400)} deep`, 'w'.repeat(60_000), '\n'.repeat(500) + 'end', '🏴‍☠️'.repeat(300), '```\n<b>\n```',
];

/** Elements that the timeline makes of text; nothing else may stand in it. */
export const OURS = ['a', 'bdi', 'blockquote', 'button', 'circle', 'code', 'div', 'em', 'p', 'path', 'pre', 's', 'span', 'strong', 'svg', 'time'];
