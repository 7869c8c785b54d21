/** <push-workbench>: the workbench (bench.js), which is loaded when somebody comes near. */
import { load } from '../text.js';
import { Late, ready, style } from './late.js';

customElements.define('push-workbench', class extends Late {
  async load(app) {
    const styles = [new URL('detail.css', import.meta.url), new URL('bytes.css', import.meta.url), new URL('workbench.css', import.meta.url)].map(style); // it has a tree and bytes, as the detail has
    const [{ Workbench }] = await Promise.all([import('./bench.js'), load('detail'), ...styles]);
    ready(this);
    return new Workbench(this, app);
  }
});
