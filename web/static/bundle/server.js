import{ui_element_Element as k,ui_element_badge as b,ui_element_bytes as M,ui_element_epochOf as p,ui_element_html as o,ui_element_live as y,ui_element_nothing as q,ui_element_seqOf as $,ui_element_shortId as O}from"./app.js";import{text_t as t,text_number as f}from"./app.js";import{ui_status_behind as E}from"./app.js";var m=[5,10,20,50,100,200,500,1e3,2e3,5e3,1e4],I=["1s","5s","15s","30s","1m0s","off"],N=[1,5,15,25,60],z=25,A=["500ms","1s","3s","10s"],B=17,_=class extends k{static pace=150;#e=40;#s;connect(){new ResizeObserver(([{contentRect:s}])=>{let e=Math.max(12,Math.min(72,Math.floor((s.width-88)/B)));e!==this.#e&&(this.#e=e,this.draw())}).observe(this)}template(s){let{log:e}=s.trace;return o`<section class="panel server" aria-labelledby="server-title">
      <header>
        <h2 id="server-title">${t("shell.server.title")}</h2>
        <span class="small quiet num">${t("shell.server.log",{n:e.events??0,size:M(e.bytes),max:e.history??0})}</span>
      </header>
      ${this.#l(s,e)}
      ${this.#n(s,e)}
      ${this.#i(s)}
    </section>`}#l(s,e){let n=$(e.head);if(!Number.isFinite(n))return o`<p class="strip-empty quiet small">${t("shell.server.empty")}</p>`;let l=$(e.oldest),c=Math.max(1,n-this.#e+1),d=Array.from({length:this.#e},(a,u)=>c+u).filter(a=>a<=n),i=Math.max(0,c-1-(l||0)),r=(l||0)-c+1;return o`<figure class="strip" aria-label=${t("shell.server.strip",{n:e.events??0,head:`#${n}`})} role="img">
      <div class="cells">
        <span class="label">${i?t("shell.server.older",{n:i}):r>0||l?t("shell.server.gone"):t("shell.server.begins")}</span>
        ${d.map((a,u)=>o`<i data-state=${u<r?"gone":a===n?"head":"kept"} title=${`#${a}`}></i>`)}
      </div>
      ${[...s.lanes.values()].map(a=>{let u=$(a.cursor),v=a.cursor&&p(a.cursor)!==p(e.head),x=!a.cursor||v?0:Math.max(0,Math.min(u,n)-c+1),w=E(a,e);return o`<div class="way" data-lane=${a.name} .style=${`--place: ${x}; --columns: ${this.#e}`}>
          <span class="label num">${a.cursor?v?t("shell.server.other-log"):w?`\u2212${f(w)}`:t("shell.server.all"):"\u2013"}</span>
          <span class="line"></span>${b(a)}</div>`})}
    </figure>`}#n(s,e){let n=s.trace.streams??[],l=[...s.lanes.values()].flatMap(c=>{let d=n.filter(i=>i.lane===c.name);return d.length?d.map(i=>this.#r(s,e,c,i)):[this.#a(c)]});return o`<div class="scroll-x" tabindex="0" role="group" aria-label=${t("shell.server.connected")}><table>
      <caption class="hidden-text">${t("shell.server.connected")}</caption>
      <thead><tr><th>${t("shell.server.lane")}</th><th class="num">${t("shell.server.conn")}</th><th>${t("shell.server.cursor")}</th>
        <th class="num">${t("shell.server.behind")}</th><th class="num">${t("shell.server.delivered")}</th><th class="num">${t("shell.server.since")}</th>
        <th><span class="hidden-text">${t("shell.server.action")}</span></th></tr></thead>
      <tbody>${l}</tbody>
    </table></div>`}#r(s,e,n,l){let d=e.head&&p(l.cursor)===p(e.head)?f(Math.max(0,$(e.head)-$(l.cursor))):"\u2013",i=Math.max(0,Math.round((s.trace.now-l.opened)/1e3));return o`<tr><td>${b(n)} ${l.transport===n.name?n.title:l.transport}</td>
      <td class="num">${l.conn??"\u2013"}</td><td class="mono" title=${l.cursor}>${O(l.cursor)}</td>
      <td class="num">${d}</td><td class="num">${f(l.delivered)}</td>
      <td class="num">${t("shell.server.seconds",{n:i})}</td>
      <td class="num">${this.#t(s,n)}</td></tr>`}#a(s){let e=s.name==="longpoll"&&s.state==="open"?"between":"nobody";return o`<tr class="quiet"><td>${b(s)} ${s.title}</td><td class="num">–</td><td>–</td>
      <td colspan="3">${t(`shell.server.${e}`)}</td><td class="num">${this.#t(this.app,s)}</td></tr>`}#t(s,e){return o`<button class="kick" ?disabled=${!s.live} @click=${()=>s.attempt("fault",{lane:e.name,cut:"fin"})}>${t("shell.server.kick")}<span
      class="hidden-text"> ${e.title}</span></button>`}#i(s){let{settings:e={}}=s.lab.state,n=r=>s.attempt("settings",r),l=!s.live,c=this.#s??e.history,d=(r,a,u)=>o`<label class="field"><span class="label">${t(`shell.server.${r}`)}</span>
      <select ?disabled=${l} @change=${({target:v})=>n({[r]:v.value})}>
        ${g(a,u)}
      </select></label>`,i=r=>o`<label><input type="checkbox" .checked=${y(!!e[r])} ?disabled=${l}
      @change=${({target:a})=>n({[r]:a.checked})}>${t(`shell.server.${r}`)}</label>`;return o`<div class="settings">
      <label class="field history"><span class="label">${t("shell.server.history")}
          <output class="num">${t("shell.server.events",{n:c??0})}</output></span>
        <input type="range" min="0" max=${m.length-1} .value=${y(String(R(c)))} ?disabled=${l} aria-valuetext=${t("shell.server.events",{n:c??0})}
          @input=${({target:r})=>{this.#s=m[r.value],this.drawNow()}}
          @change=${async({target:r})=>{await n({history:m[r.value]}),this.#s=void 0,this.draw()}}></label>
      <fieldset class="beats"><legend class="label">${t("shell.server.heartbeat")}</legend>
        ${[...s.lanes.values()].map(r=>this.#c(s,r,e.heartbeats?.[r.name]))}</fieldset>
      ${d("retry",A,e.retry)}
      <button ?disabled=${l} @click=${()=>s.attempt("server",{do:"restart",down:"3s",log:"kept",polite:!0})}>${t("shell.server.restart")}</button>
      <div class="checks">${i("compress")}${i("guard")}</div>
      <p class="small quiet">${t("shell.server.beats")}</p>
      <p class="small quiet">${t("shell.server.hint")}</p>
    </div>`}#c(s,e,n){let l=e.name==="longpoll",c=e.options.wait??z,d=({target:i})=>{l?e.set({wait:Number(i.value)}):s.attempt("settings",{heartbeats:{[e.name]:i.value}})};return o`<label title=${e.title}>${b(e)}<span class="hidden-text">${t(`shell.server.${l?"hold":"every"}`,{lane:e.title})}</span>
      ${l?o`<span class="small">${t("shell.server.held")}</span>`:q}
      <select data-lane=${e.name} ?disabled=${!s.live} @change=${d}>
        ${l?g(N,c,i=>`${i}s`):g(I,n)}
      </select></label>`}};customElements.define("push-server",_);function g(h,s,e=F){return(h.includes(s)?h:[s,...h]).map(n=>o`<option .value=${String(n)} .selected=${y(n===s)}>${e(n)}</option>`)}function F(h){return h==="off"?t("shell.server.off"):h==="1m0s"?"60s":h}function R(h){let s=m.findIndex(e=>e>=h);return s<0?m.length-1:s}
//# sourceMappingURL=server.js.map
