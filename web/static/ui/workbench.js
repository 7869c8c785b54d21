/** <push-workbench>: the workbench (bench.js), which is loaded when somebody comes near. */
import { Late } from './late.js';

customElements.define('push-workbench', class extends Late {
  load(app) { return import('./bench.js').then(({ Workbench }) => new Workbench(this, app)); }
});
