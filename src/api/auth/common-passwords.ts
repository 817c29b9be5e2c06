// What guessers try first. A list of every leaked password is not carried along: most have fewer than twelve characters and are refused
// by length; of the longer ones nearly all are a common word repeated, decorated or walked along the keyboard, and that is what is looked for.

const COMMON_WORDS: readonly string[] = [
  'password',
  'passwort',
  'passw0rd',
  'p@ssword',
  'p@ssw0rd',
  'passphrase',
  'letmein',
  'welcome',
  'qwerty',
  'qwertz',
  'azerty',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'iloveyou',
  'princess',
  'dragon',
  'monkey',
  'football',
  'baseball',
  'basketball',
  'superman',
  'batman',
  'sunshine',
  'shadow',
  'master',
  'michael',
  'jennifer',
  'jordan',
  'hunter',
  'trustno',
  'starwars',
  'whatever',
  'freedom',
  'secret',
  'changeme',
  'default',
  'administrator',
  'admin',
  'root',
  'user',
  'login',
  'test',
  'guest',
  'abc',
  'correcthorsebatterystaple',
  'evenkeel',
  'bitcoin',
  'ethereum',
  'crypto',
  'satoshi',
  'nakamoto',
  'hodl',
  'tothemoon',
  'trading',
  'tradingbot',
  'binance',
  'coinbase',
  'kraken',
  'google',
  'facebook',
  'computer',
  'internet',
  'samsung',
  'liverpool',
  'chelsea',
  'arsenal',
  'barcelona',
  'manchester',
  'london',
  'berlin',
  'cheese',
  'pokemon',
  'naruto',
  'summer',
  'winter',
  'spring',
  'autumn',
  'january',
  'monday',
  'hello',
  'iloveu',
  'loveme',
  'fuckyou',
  'killer',
  'charlie',
  'george',
  'ashley',
  'daniel',
  'jessica',
  'thomas',
  'mustang',
  'harley',
  'ferrari',
  'mercedes',
  'access',
  'flower',
  'cookie',
  'pepper',
  'ginger',
  'banana',
  'orange',
  'matrix',
  'phoenix',
  'unknown',
  'nothing',
  'temporary',
  'example',
  'qazwsx',
  'qazwsxedc',
  'zaq',
  'xsw',
  'wsx',
  'edc',
  'love',
  'money',
  'god',
  'sex',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'the',
  'my',
  'is',
  'this',
  'new',
  'i',
  'am',
  'you',
  'me',
  'pass',
]

const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/** Rows and columns of keyboards, digits and the alphabet: walks along them are no secret. */
const WALKS: readonly string[] = [
  '01234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop[]',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
  'q1w2e3r4t5y6u7i8o9p0',
  '1q2w3e4r5t6y7u8i9o0p',
  '!@#$%^&*()',
]

function reversed(text: string): string {
  return [...text].reverse().join('')
}

const BOTH_WAYS = WALKS.flatMap(walk => [walk, reversed(walk)])

/** How many characters of the text's start are guessed at once: a walk of four or more, or one character repeated. */
function walkLength(text: string): number {
  let longest = 0
  for (const walk of BOTH_WAYS) {
    for (let start = walk.indexOf(text[0]!); start >= 0; start = walk.indexOf(text[0]!, start + 1)) {
      let length = 1
      while (length < text.length && text[length] === walk[start + length]) length += 1
      longest = Math.max(longest, length)
    }
  }
  let repeated = 1
  while (repeated < text.length && text[repeated] === text[0]) repeated += 1
  return Math.max(longest >= 4 ? longest : 0, repeated >= 3 ? repeated : 0)
}

/** Characters that are left when common words, walks and repetitions are taken away: what a guesser must really find. */
function unguessed(text: string, words: readonly string[]): number {
  let left = 0
  let at = 0
  while (at < text.length) {
    const rest = text.slice(at)
    const word = words.find(candidate => rest.startsWith(candidate))
    const taken = Math.max(word?.length ?? 0, walkLength(rest))
    if (taken > 0) {
      at += taken
    } else {
      // Digits and signs decorate a word; they are tried by the thousand.
      left += /[a-z]/i.test(rest[0]!) ? 1 : 0.5
      at += 1
    }
  }
  return left
}

/** The shortest text whose repetition this is. */
function period(text: string): string {
  for (let length = 1; length <= text.length / 2; length += 1) {
    if (text.length % length === 0 && text.slice(0, length).repeat(text.length / length) === text) return text.slice(0, length)
  }
  return text
}

const ENOUGH = 4

export function isCommonPassword(password: string, personal: readonly string[] = []): boolean {
  const lower = password.toLowerCase()
  const plain = [...lower].map(letter => LEET[letter] ?? letter).join('')
  if (period(lower).length <= 6 && period(lower) !== lower) return true
  if (new Set(lower).size < 5) return true
  const own = personal.flatMap(text => text.toLowerCase().split(/[@.\s_+-]+/)).filter(word => word.length >= 3)
  const words = [...own, ...COMMON_WORDS].sort((a, b) => b.length - a.length).filter(word => word.length >= 3)
  return Math.min(unguessed(lower, words), unguessed(plain, words)) < ENOUGH
}
