import './styles/base.css';
import { mount } from 'svelte';
import type { Engine } from './platform/engine';
import { startPage } from './platform/page';
import App from './views/App.svelte';

/** A build without the engine (no wasm was made) has a page that stays empty; everything else is the same. */
const [platform] = Object.values(import.meta.glob<{ connect(): Engine }>('./platform/connect.ts', { eager: true }));

startPage();
const target = document.getElementById('app');
if (target && platform) mount(App, { target, props: { engine: platform.connect() } });
