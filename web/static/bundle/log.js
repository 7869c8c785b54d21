import{vendor_lit_html_repeat as v}from"./app.js";import{ui_element_Element as x,ui_element_badge as g,ui_element_html as r,ui_element_nothing as c,ui_element_shortId as S}from"./app.js";import{ui_moment_endOf as T,ui_moment_show as q}from"./app.js";import{ui_words_clockTime as E,ui_words_family as w,ui_words_isMark as b,ui_words_kindName as y,ui_words_words as _}from"./app.js";import{text_number as H,text_t as n}from"./app.js";var $=500,I=60,M=24,k=2e3,N=["events","http","control","connections","faults"],m=class extends x{#e=new Set;#i="";#n="";#t=!0;#a;#r=-1/0;#s=!1;#c;#l;#d=[];#h;get pace(){return this.#s?500:200}template(t){let{items:s,hidden:i,fresh:l}=this.#u();this.#d=s;let{selected:a}=t.view,o=e=>this.#f(e,e.ref===a),d=s.some(({ref:e})=>e===a);return r`<section class="panel log" aria-labelledby="log-title">
      <header><h2 id="log-title">${n("trace.log.title")}</h2>
        <span class="quiet small num">${i?n("trace.log.hidden",{n:i}):n("trace.log.all",{n:s.length})}</span></header>
      <div class="filters no-print">
        <span class="lanes" role="group" aria-label=${n("trace.log.lanes")}>${[...t.lanes.values()].map(e=>r`
          <button class="bare" data-lane=${e.name} aria-pressed=${this.#e.has(e.name)} aria-label=${e.title} title=${e.title}
            @click=${()=>this.#m(e.name)}>${g(e)}</button>`)}</span>
        <select aria-label=${n("trace.log.kind")} @change=${({target:e})=>this.#o(()=>{this.#i=e.value})}>
          <option value="">${n("trace.log.every")}</option>
          ${N.map(e=>r`<option value=${e} ?selected=${e===this.#i}>${n(`trace.families.${e}`)}</option>`)}
        </select>
        <input type="search" aria-label=${n("trace.log.text")} placeholder=${n("trace.log.text")} .value=${this.#n}
          @input=${({target:e})=>this.#o(()=>{this.#n=e.value})}>
        ${this.#t?c:r`<button class="newest" @click=${()=>this.#p()}>${l?n("trace.log.newest-since",{n:l}):n("trace.log.newest")}</button>`}
      </div>
      <div class="rows" @scroll=${({target:e})=>this.#g(e)}>
        <table role="grid" id="log-table" tabindex="0" aria-label=${n("trace.log.title")} aria-readonly="true"
          aria-activedescendant=${d?`log-${a}`:c} @keydown=${e=>this.#b(e)} @click=${e=>this.#w(e)}>
          <thead><tr>${["time","lane","direction","type","id","size","label"].map(e=>r`<th scope="col" class="c-${e}">${n(`trace.log.columns.${e}`)}</th>`)}</tr></thead>
          <tbody>${this.#s?s.map(o):v(s,({ref:e})=>e,o)}</tbody>
        </table>
        ${s.length?c:r`<p class="quiet small">${n(t.trace.items.length?"trace.log.none":"trace.log.empty")}</p>`}
      </div>
    </section>`}#f(t,s){let i=this.app.lanes.get(t.lane),l=b(t)?"":t.dir;return r`<tr id="log-${t.ref}" data-ref=${t.ref} data-lane=${t.lane??c} data-family=${w(t)} aria-selected=${s}>
      <td class="num">${E(t.at)}</td>
      <td>${i?r`${g(i)}<span class="hidden-text">${i.title}</span>`:c}</td>
      <td>${l?r`<span aria-hidden="true">${l==="up"?"\u2191":"\u2193"}</span><span class="hidden-text">${n(`trace.directions.${l}`)}</span>`:c}</td>
      <td class="type">${t.kind==="event"&&t.replay?"\u21BB ":c}${y(t)}</td>
      <td class="num mono">${t.id?r`<span title=${t.id}>${S(t.id)}</span>`:c}</td>
      <td class="num">${b(t)||t.length===void 0?c:H(t.length)}</td>
      <td class="label-cell">${_(t)}</td>
    </tr>`}drawn(){this.#s&&(this.#c??=setTimeout(()=>{this.#c=void 0,this.draw()},k));let{selected:t}=this.app.view;if(t===this.#h)return;this.#h=t;let s=t&&this.querySelector(`[data-ref="${CSS.escape(t)}"]`);if(!s)return;let i=this.querySelector(".rows"),l=this.querySelector("thead").offsetHeight,{offsetTop:a,offsetHeight:o}=s;a-l<i.scrollTop?i.scrollTop=a-l:a+o>i.scrollTop+i.clientHeight&&(i.scrollTop=a+o-i.clientHeight)}#u(){let{trace:t,view:s}=this.app,{items:i}=t,l=this.#l?i.length-t.bounds(this.#l.at,this.#l.at)[1]:0;if(this.#a)return this.#s=!1,{...this.#a,fresh:l};let a=i.length;(s.paused||!t.live)&&(a=t.bounds(0,T(this.app))[1]);let o=s.selected&&t.find(s.selected);if(o&&s.paused){let h=t.bounds(o.at,o.at)[1];a-h>$-20&&(a=Math.min(i.length,h+$/2))}let d=performance.now();l>I&&(this.#r=d),this.#s=this.#t&&!s.paused&&d-this.#r<k;let e=this.#s?M:$,u=this.#$(),p=[],f=0;for(let h=a-1;h>=0;h--)if(!(u&&!u(i[h])))if(p.length<e)p.push(i[h]);else if(u)f++;else{f=h+1;break}return this.#l=i[a-1],{items:p,hidden:f,fresh:l}}#$(){let t=this.#n.trim().toLowerCase();if(!(!this.#e.size&&!this.#i&&!t))return s=>(!this.#e.size||this.#e.has(s.lane))&&(!this.#i||w(s)===this.#i)&&(!t||`${y(s)} ${s.id??""} ${_(s)}`.toLowerCase().includes(t))}#o(t){t(),this.#a=void 0,this.#t=!0,this.querySelector(".rows").scrollTop=0,this.drawNow()}#m(t){this.#o(()=>{this.#e.delete(t)||this.#e.add(t)})}#g({scrollTop:t}){if(t>24&&this.#t){this.#t=!1;let{items:s,hidden:i}=this.#u();this.#a={items:s,hidden:i},this.draw()}else t<4&&!this.#t&&this.#p()}#p(){this.#t=!0,this.#a=void 0,this.querySelector(".rows").scrollTop=0,this.drawNow()}#w({target:t}){let s=t.closest("[data-ref]")?.dataset.ref;s&&this.app.trace.find(s)&&this.app.select(s)}#b(t){if(t.altKey||t.ctrlKey||t.metaKey)return;let{app:s}=this,i=this.#d,l=i.findIndex(({ref:d})=>d===s.view.selected),a=d=>{let e=i[Math.max(0,Math.min(i.length-1,d))];e&&s.trace.find(e.ref)&&q(s,e)},o={ArrowDown:()=>a(l+1),ArrowUp:()=>a(l<0?0:l-1),PageDown:()=>a(l+10),PageUp:()=>a(l-10),Home:()=>a(0),End:()=>a(i.length-1),Enter:()=>this.#y(),Escape:()=>s.select(null)};o[t.key]&&(t.preventDefault(),o[t.key]())}#y(){if(!this.app.view.selected)return;let t=document.querySelector("push-detail");t&&!t.hasAttribute("tabindex")&&(t.tabIndex=-1),t?.focus()}};customElements.define("push-log",m);
//# sourceMappingURL=log.js.map
