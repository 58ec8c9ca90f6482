/** Two components read a channel that can be changed. */
import { connect } from 'smallchange/client';
import { mount } from 'svelte';
import Page from './Page.svelte';

const server = new URLSearchParams(location.search).get('server') ?? '';
mount(Page, { target: document.body, props: { connection: connect(server, { share: false }) } });
