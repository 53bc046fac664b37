import { fileURLToPath } from 'node:url';

import optimizeLocales from '@react-aria/optimize-locales-plugin';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

import { guides } from './build/guide.ts';
import { precompress } from './build/precompress.ts';

const GATEWAY = process.env.PLEXUS_GATEWAY_URL ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [
    react(),
    guides(),
    { ...optimizeLocales.vite({ locales: ['zh-CN', 'en-US'] }), enforce: 'pre' },
    precompress(),
  ],
  resolve: {
    alias: {
      '@docs': fileURLToPath(new URL('../../docs', import.meta.url)),
      '@': fileURLToPath(new URL('./src', import.meta.url)),
    },
  },
  build: {
    target: ['chrome108', 'safari16.4', 'firefox115'],
    // The policy allows neither inline scripts nor data: fonts; see `gateway.web.headers`.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
    rolldownOptions: {
      output: {
        // Modules that change together are cached together.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler)\// },
            {
              name: 'router',
              test: /node_modules\/@tanstack\/(react-router|router-core|history|react-store|store)/,
            },
            { name: 'connect', test: /node_modules\/(@connectrpc|@bufbuild)/ },
            // Contracts of scenes that load on demand are bundled with their scenes.
            {
              name: 'contracts',
              test: /src\/gen\/(google|plexus\/(directory|event|gateway|messaging))\//,
            },
          ],
        },
      },
    },
  },
  server: {
    fs: { allow: ['.', '../../docs'] },
    proxy: Object.fromEntries(
      ['^/plexus\\.[a-z.]+v1\\.', '^/session/'].map((path) => [path, { target: GATEWAY }]),
    ),
  },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
});
