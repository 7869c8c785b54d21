/**
 * <push-code>: "show me the code" (codeview.js), which is loaded when somebody comes near.
 *
 *   show(file, name)   opens a file at a function, such as 'sse/wire.go', 'AppendFrame'
 */
import { load } from '../text.js';
import { Late, ready, style } from './late.js';

customElements.define('push-code', class extends Late {
  async load(app) {
    const [{ CodeView }] = await Promise.all([import('./codeview.js'), load('detail'), style(new URL('code.css', import.meta.url))]);
    ready(this);
    return new CodeView(this, app);
  }

  async show(file, name) { (await this.view())?.show(file, name); }
});
