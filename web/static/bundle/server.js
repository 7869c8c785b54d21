import{ui_element_Element as k,ui_element_badge as b,ui_element_bytes as w,ui_element_epochOf as v,ui_element_html as c,ui_element_live as p,ui_element_seqOf as $,ui_element_shortId as M}from"./app.js";import{text_t as t,text_number as f}from"./app.js";import{ui_status_behind as q}from"./app.js";var m=[5,10,20,50,100,200,500,1e3,2e3,5e3,1e4],O=["1s","5s","15s","60s","off"],E=["500ms","1s","3s","10s"],I=17,g=class extends k{static pace=150;#e=40;#s;connect(){new ResizeObserver(([{contentRect:e}])=>{let s=Math.max(12,Math.min(72,Math.floor((e.width-88)/I)));s!==this.#e&&(this.#e=s,this.draw())}).observe(this)}template(e){let{log:s}=e.trace;return c`<section class="panel server" aria-labelledby="server-title">
      <header>
        <h2 id="server-title">${t("shell.server.title")}</h2>
        <span class="small quiet num">${t("shell.server.log",{n:s.events??0,size:w(s.bytes),max:s.history??0})}</span>
      </header>
      ${this.#l(e,s)}
      ${this.#r(e,s)}
      ${this.#i(e)}
    </section>`}#l(e,s){let n=$(s.head);if(!Number.isFinite(n))return c`<p class="strip-empty quiet small">${t("shell.server.empty")}</p>`;let l=$(s.oldest),i=Math.max(1,n-this.#e+1),o=Array.from({length:this.#e},(r,d)=>i+d).filter(r=>r<=n),h=Math.max(0,i-1-(l||0)),a=(l||0)-i+1;return c`<figure class="strip" aria-label=${t("shell.server.strip",{n:s.events??0,head:`#${n}`})} role="img">
      <div class="cells">
        <span class="label">${h?t("shell.server.older",{n:h}):a>0||l?t("shell.server.gone"):t("shell.server.begins")}</span>
        ${o.map((r,d)=>c`<i data-state=${d<a?"gone":r===n?"head":"kept"} title=${`#${r}`}></i>`)}
      </div>
      ${[...e.lanes.values()].map(r=>{let d=$(r.cursor),u=r.cursor&&v(r.cursor)!==v(s.head),x=!r.cursor||u?0:Math.max(0,Math.min(d,n)-i+1),_=q(r,s);return c`<div class="way" data-lane=${r.name} .style=${`--place: ${x}; --columns: ${this.#e}`}>
          <span class="label num">${r.cursor?u?t("shell.server.other-log"):_?`\u2212${f(_)}`:t("shell.server.all"):"\u2013"}</span>
          <span class="line"></span>${b(r)}</div>`})}
    </figure>`}#r(e,s){let n=e.trace.streams??[],l=[...e.lanes.values()].flatMap(i=>{let o=n.filter(h=>h.lane===i.name);return o.length?o.map(h=>this.#n(e,s,i,h)):[this.#a(i)]});return c`<div class="scroll-x" tabindex="0" role="group" aria-label=${t("shell.server.connected")}><table>
      <caption class="hidden-text">${t("shell.server.connected")}</caption>
      <thead><tr><th>${t("shell.server.lane")}</th><th class="num">${t("shell.server.conn")}</th><th>${t("shell.server.cursor")}</th>
        <th class="num">${t("shell.server.behind")}</th><th class="num">${t("shell.server.delivered")}</th><th class="num">${t("shell.server.since")}</th>
        <th><span class="hidden-text">${t("shell.server.action")}</span></th></tr></thead>
      <tbody>${l}</tbody>
    </table></div>`}#n(e,s,n,l){let o=s.head&&v(l.cursor)===v(s.head)?f(Math.max(0,$(s.head)-$(l.cursor))):"\u2013",h=Math.max(0,Math.round((e.trace.now-l.opened)/1e3));return c`<tr><td>${b(n)} ${l.transport===n.name?n.title:l.transport}</td>
      <td class="num">${l.conn??"\u2013"}</td><td class="mono" title=${l.cursor}>${M(l.cursor)}</td>
      <td class="num">${o}</td><td class="num">${f(l.delivered)}</td>
      <td class="num">${t("shell.server.seconds",{n:h})}</td>
      <td class="num">${this.#t(e,n)}</td></tr>`}#a(e){let s=e.name==="longpoll"&&e.state==="open"?"between":"nobody";return c`<tr class="quiet"><td>${b(e)} ${e.title}</td><td class="num">–</td><td>–</td>
      <td colspan="3">${t(`shell.server.${s}`)}</td><td class="num">${this.#t(this.app,e)}</td></tr>`}#t(e,s){return c`<button class="kick" ?disabled=${!e.live} @click=${()=>e.attempt("fault",{lane:s.name,cut:"fin"})}>${t("shell.server.kick")}<span
      class="hidden-text"> ${s.title}</span></button>`}#i(e){let{settings:s={}}=e.lab.state,n=a=>e.attempt("settings",a),l=!e.live,i=this.#s??s.history,o=(a,r,d)=>c`<label class="field"><span class="label">${t(`shell.server.${a}`)}</span>
      <select ?disabled=${l} @change=${({target:u})=>n({[a]:u.value})}>
        ${(r.includes(d)?r:[d,...r]).map(u=>c`<option .value=${u} .selected=${p(u===d)}>${u==="off"?t("shell.server.off"):u}</option>`)}
      </select></label>`,h=a=>c`<label><input type="checkbox" .checked=${p(!!s[a])} ?disabled=${l}
      @change=${({target:r})=>n({[a]:r.checked})}>${t(`shell.server.${a}`)}</label>`;return c`<div class="settings">
      <label class="field history"><span class="label">${t("shell.server.history")}
          <output class="num">${t("shell.server.events",{n:i??0})}</output></span>
        <input type="range" min="0" max=${m.length-1} .value=${p(String(z(i)))} ?disabled=${l} aria-valuetext=${t("shell.server.events",{n:i??0})}
          @input=${({target:a})=>{this.#s=m[a.value],this.drawNow()}}
          @change=${async({target:a})=>{await n({history:m[a.value]}),this.#s=void 0,this.draw()}}></label>
      ${o("heartbeat",O,s.heartbeat)}
      ${o("retry",E,s.retry)}
      <button ?disabled=${l} @click=${()=>e.attempt("server",{do:"restart",down:"3s",log:"kept",polite:!0})}>${t("shell.server.restart")}</button>
      <div class="checks">${h("compress")}${h("guard")}</div>
      <p class="small quiet">${t("shell.server.hint")}</p>
    </div>`}};customElements.define("push-server",g);function z(y){let e=m.findIndex(s=>s>=y);return e<0?m.length-1:e}
//# sourceMappingURL=server.js.map
