/**
 * <push-code>: "show me the code" (codeview.js), which is loaded when somebody comes near.
 *
 *   show(file, name)   opens a file at a function, such as 'sse/wire.go', 'AppendFrame'
 */
import { Late } from './late.js';

customElements.define('push-code', class extends Late {
  load(app) { return import('./codeview.js').then(({ CodeView }) => new CodeView(this, app)); }

  async show(file, name) { (await this.view())?.show(file, name); }
});
