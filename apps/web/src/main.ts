import './styles/base.css';
import { mount } from 'svelte';
import { connect } from './platform/connect';
import { startPage } from './platform/page';
import App from './views/App.svelte';

startPage();
const target = document.getElementById('app');
if (target) mount(App, { target, props: { engine: connect() } });
