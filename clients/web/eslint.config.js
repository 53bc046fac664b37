import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// From lower to higher: a folder of src/ imports only folders below its own, as in README.md.
const LAYERS = [
  'gen',
  'kit',
  'messages',
  'components',
  'api',
  'live',
  'stores',
  'actions',
  'scenes',
  'app',
];
// Components contain no business terms: they use neither texts nor contracts.
const EXCEPT = {
  components: ['gen', 'messages'],
  messages: ['gen'],
  kit: ['gen'],
  live: ['messages', 'components'],
  stores: ['messages', 'components'],
  api: ['messages', 'components'],
  actions: ['components'],
};

const layers = LAYERS.map((layer, height) => ({
  files: [`src/${layer}/**/*.{ts,tsx}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { group: ['../../../*'], message: 'Write @/… instead of climbing.' },
          ...[...LAYERS.slice(height + 1), ...(EXCEPT[layer] ?? [])].map((other) => ({
            group: [`@/${other}/*`, `@/${other}`, `../${other}/*`],
            message: `src/${layer} may not import src/${other}; see clients/web/README.md.`,
          })),
        ],
      },
    ],
  },
}));

const TEXT_ATTRIBUTES = '/^(aria-label|aria-description|title|placeholder|alt|label|description)$/';
const CATALOGUE = 'Texts for people stand in src/messages, in both languages.';

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/gen', 'protoext'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  { languageOptions: { parserOptions: { projectService: true } } },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      'max-lines': ['error', { max: 300 }],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Nothing a user wrote is interpreted as HTML.' },
        {
          property: 'dangerouslySetInnerHTML',
          message: 'Nothing a user wrote is interpreted as HTML.',
        },
        ...['toReversed', 'toSorted', 'toSpliced'].map((property) => ({
          property,
          message: 'Chromium 108, the oldest browser that is supported, lacks it: copy first.',
        })),
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
    },
  },
  ...layers,
  {
    files: ['src/{scenes,components,app,actions}/**/*.tsx', 'src/{scenes,app,actions}/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'JSXText[value=/[\\p{L}]/u]', message: CATALOGUE },
        {
          selector: `JSXAttribute[name.name=${TEXT_ATTRIBUTES}] > Literal[value!='']`,
          message: CATALOGUE,
        },
        {
          selector: 'Literal[value=/[\\u3000-\\u303f\\u4e00-\\u9fff\\uff00-\\uffef]/]',
          message: CATALOGUE,
        },
        {
          selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
          message: 'No HTML from strings.',
        },
      ],
    },
  },
  {
    files: ['tests/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 400 }],
    },
  },
);
