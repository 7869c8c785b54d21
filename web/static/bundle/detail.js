import{a as x}from"./shared-V2PPKJCG.js";import{a as M,b as g,c as b,d as y}from"./shared-NXH7EVMQ.js";import{a as k,b as _,c as E,d as T,e as P,f as j,g as S}from"./shared-P4IOL3V2.js";import{vendor_lit_html_html as l,vendor_lit_html_nothing as p,vendor_lit_html_render as U}from"./app.js";import{text_t as a}from"./app.js";import{ui_address_hash as F}from"./app.js";import{vendor_lit_html_html as f,vendor_lit_html_nothing as w}from"./app.js";import{text_t as $}from"./app.js";import{ui_words_clockTime as O}from"./app.js";var R={"frame-fin":"fin","frame-rsv":"rsv","frame-opcode":"opcode","frame-mask":"mask","frame-length7":"length"};function B(h,{active:t,lit:e,tell:s}){let n=h.children.filter(({span:c})=>c.kind==="frame-first"||c.kind==="frame-second");return n.length?f`<figure class="bits">
    <figcaption class="label">${$("detail.bit.title")}</figcaption>
    <div class="bits-bytes">${n.map(c=>f`<div class="bits-byte">${c.children.map(i=>{let o=i.bits.replaceAll(".",""),d=[i===t&&"active",i===e&&"lit"].filter(Boolean).join(" ");return f`<button type="button" class="bits-group ${d}" data-bits=${o.length} .style=${`--bits: ${o.length}`}
      aria-pressed=${String(i===t)} @click=${()=>s("pin",i)} @pointerenter=${()=>s("lit",i)}
      @pointerleave=${()=>s("lit",void 0)}>
      <span class="bits-digits">${[...o].map(r=>f`<span>${r}</span>`)}</span>
      <span class="bits-name">${$(`detail.bit.${R[i.span.kind]}`)}</span>
      <span class="bits-note">${i.span.label}</span>
    </button>`})}</div>`)}</div>
  </figure>`:w}function N(h,t,e){let s=h.masks.find(r=>r.frame===t);if(!s)return w;let n=e&&e.start>s.start&&e.start<s.end&&e.start-s.start>4,c=Math.max(h.from,n?e.start:s.start),i=[];for(let r=c;r<Math.min(s.end,c+8,h.to);r++){let u=h.bytes[r-h.from],m=s.key[(s.turn+r-s.start)%4];i.push({byte:u,key:m,clear:u^m})}if(!i.length)return w;let o=(r,u)=>f`<tr><th scope="row">${$(`detail.mask.${r}`)}</th>${u.map(m=>f`<td>${m}</td>`)}</tr>`,d=r=>r<128?M(r).text:"";return f`<figure class="mask-figure">
    <figcaption class="label">${$("detail.mask.title")}</figcaption>
    <div class="scroll-x" tabindex="0" role="group" aria-label=${$("detail.mask.title")}><table class="mask-table"><tbody>
      ${o("wire",i.map(({byte:r})=>b(r).toLowerCase()))}
      ${o("key",i.map(({key:r})=>b(r).toLowerCase()))}
      ${o("clear",i.map(({clear:r})=>b(r).toLowerCase()))}
      ${o("text",i.map(({clear:r})=>f`<b>${d(r)}</b>`))}
    </tbody></table></div>
  </figure>`}function v(h){return Math.abs(h)<.1?$("detail.time.us",{n:Math.round(h*1e3)}):Math.abs(h)<1e3?$("detail.time.ms",{n:Number(h.toPrecision(3))}):$("detail.time.s",{n:Number(h.toPrecision(4))/1e3})}function z(h,t=0){let e=[],s=(i,o,d)=>o!==void 0&&e.push({name:i,at:o,unsure:d});if(h.dir==="up"?(s("asked",h.at),s("arrived",h.sent),s("answered",h.answered)):(s("published",h.published),s("sent",h.sent),s("wire",h.at),s("received",h.received,!0)),e.length<1)return w;let n=e.map(({at:i},o)=>o?i-e[o-1].at:0),c=Math.max(...n);return f`<ol class="stations" aria-label=${$("detail.time.title")}>${e.map(({name:i,at:o,unsure:d},r)=>{let u=n[r],m=d&&t>=.05?$("detail.time.about",{time:v(Math.max(0,u)),uncertainty:v(t)}):$("detail.time.later",{time:v(Math.max(0,u))});return f`<li ?data-longest=${r>0&&u===c&&u>=20}>
      <span class="stations-name">${$(`detail.time.${i}`)}</span>
      <span class="stations-wait num">${r?m:$("detail.time.at",{time:O(o)})}</span></li>`})}</ol>`}import{ui_moment_show as C}from"./app.js";import{ui_words_clockTime as G}from"./app.js";var H=60,K=40,q=400,W=["head","framing","payload","opaque"],L=class extends HTMLElement{#e;#s;#$;#t;#i;#f;#a;#l;#n=!1;#c=!1;#m=!1;#L="both";#o;#d=new Map;#y=0;#M="";#x=!1;set app(t){t!==this.#e&&(this.#e=t,this.#o=A(location.hash),addEventListener("hashchange",({newURL:e})=>{this.#o=A(new URL(e).hash),this.#s?.ref===this.#o?.item&&this.#P()}),addEventListener("beforeprint",()=>this.#N(!0)),addEventListener("afterprint",()=>this.#N(!1)),t.addEventListener("view",()=>this.#b()),t.addEventListener("trace",()=>{this.#d.clear(),this.#b(!0)}),t.addEventListener("frame",()=>this.#C()),this.#b(!0),this.#h())}get app(){return this.#e}get item(){return this.#s}get parts(){return this.#t}get active(){return this.#a}#C(){if(!this.#s||this.#s.ref!==this.#e.view.selected){this.#b();return}let{at:t,sent:e,received:s,published:n,answered:c}=this.#s,i=[t,e,s,n,c].join();i!==this.#M&&this.#h(),this.#M=i}async#b(t=!1){let{view:e,trace:s}=this.#e,n=e.selected?s.find(e.selected):void 0,c=this.#$??this.#s;if(!t&&(n===c||!n&&c&&c.ref===e.selected))return;let i=++this.#y;if(this.#$=void 0,!n||!k(n)){this.#v(n);return}this.#$=n,this.#t||this.#v(n);let o=setTimeout(()=>i===this.#y&&this.#v(n),400),d,r;try{d=await this.#A(n)}catch(u){r=u}clearTimeout(o),i===this.#y&&(this.#$=void 0,this.#v(n,d,r))}#v(t,e,s){this.#s=t,this.#t=e,this.#f=s,this.#i=e&&S(t,e),this.#a=e&&(this.#i?.part??e.at(this.#i?.start??e.from)??e.roots[0]),this.#l=void 0,this.#n=this.#c=!1,this.#q(),e&&(this.#w(),this.#P()||this.#g(this.#a))}async#A(t){let[e]=await Promise.all([this.#e.lab.kinds(),import("./bytes.js"),import("./tree.js")]),s=await this.#E(t.seq),n=this.#T(t.seq,()=>x.of(s,e));if(t.offset===void 0||t.offset>=n.from)return n;let c=[s],{from:i}=n;for(let o=t.seq-1;o>0&&o>=t.seq-K&&i>t.offset;o--){let d=await this.#E(o).catch(()=>{});!d?.bytes||d.record.conn!==t.conn||d.record.dir!==t.dir||(c.push(d),i=Math.min(i,d.from??d.record.offset??0))}return this.#T(t.ref,()=>x.join(c,e))}async#E(t){let{trace:e,lab:s}=this.#e,n=e.records.get(t);if(!n){if(!e.live)throw new Error(a("detail.lost.frozen"));n=await s.record(t),e.keep(t,n)}return n}#T(t,e){let s=this.#d.get(t);return s||(s=e(),this.#d.set(t,s),this.#d.size>H&&this.#d.delete(this.#d.keys().next().value)),s}#P(){let t=this.#t&&this.#o?.item===this.#s?.ref&&this.#t.all[this.#o.part];return t?(this.#o=void 0,this.#n=!0,this.#p(t),this.#g(t),!0):!1}#p(t,e){this.#a=t,this.#w(),e?.reveal(t),this.#h()}#k(t,e){this.#n=!(this.#n&&t===this.#a),this.#p(t,e)}#I(t){this.#m||this.#c===t||(this.#c=t,this.#h())}#j(){this.#n=!1,this.#w(),this.#h()}#_(t,e){t??=void 0,t!==this.#l&&(this.#l=t,this.#w(),t&&e?.reveal(t),this.#h())}get#r(){return this.querySelector("push-tree")}get#u(){return this.querySelector("push-bytes")}#w(){for(let t of[this.#r,this.#u])t&&Object.assign(t,{active:this.#a,lit:this.#l});this.#r&&(this.#r.pinned=this.#n)}#g(t){this.#r?.reveal(t),this.#u?.reveal(t)}#S(t){let{trace:e}=this.#e,s=e.step(this.#s.ref,t,this.#s.lane?new Set([this.#s.lane]):void 0);s&&C(this.#e,s)}#B(t){let e=this.#t.all[(this.#a?.index??-1)+t];e&&(this.#p(e),this.#g(e))}#O(){let{trace:t,view:e}=this.#e,s=t.step(void 0,-1,e.lanes);for(;s&&s.kind!=="event";)s=t.step(s.ref,-1,e.lanes);s&&this.#e.select(s.ref)}#N(t){this.#m=t,this.#e&&this.#q()}#h(){this.#x||(this.#x=!0,requestAnimationFrame(()=>{this.#x=!1,this.#q()}))}#q(){U(l`<section class="panel detail" aria-labelledby="detail-title" data-lane=${this.#s?.lane??p}>${this.#R()}</section>`,this)}#R(){let t=this.#s;return t?k(t)?l`
      ${this.#z(E(t))}
      ${z(t,this.#e.lab.uncertainty)}
      ${t.replay?l`<p class="note detail-replay">${a("detail.replay")}</p>`:p}
      ${this.#W()}
      ${this.#t?this.#G():this.#f?this.#F():l`<p class="quiet">${a("detail.loading")}</p>`}`:this.#U(t):l`<header><h2 id="detail-title">${a("detail.empty.title")}</h2></header>
        <div class="detail-empty"><p>${a("detail.empty.text")}</p>
          <button type="button" @click=${()=>this.#O()}>${a("detail.empty.newest")}</button></div>`}#z(t){let{lane:e}=this.#s,s=this.#t&&this.#i&&this.#t.cost(this.#i.start,this.#i.end),n=_(e);return l`<header>
      <h2 id="detail-title">${e?l`<span class="badge" aria-hidden="true">${a(`detail.letter.${e}`)}</span> `:p}${t}${s?l`<span class="detail-size">: ${a("detail.size",{n:this.#i.end-this.#i.start})}, ${T(s)}</span>`:p}</h2>
      <span class="detail-steps no-print">
        <button type="button" class="bare" aria-label=${n?a("detail.nav.previous-on",{lane:n}):p} @click=${()=>this.#S(-1)}>‹ ${a("detail.nav.previous")}</button>
        <button type="button" class="bare" aria-label=${n?a("detail.nav.next-on",{lane:n}):p} @click=${()=>this.#S(1)}>${a("detail.nav.next")} ›</button>
      </span>
    </header>
    ${s?J(s):p}`}#U(t){let{title:e,text:s,devtools:n}=P(t),c=t.kind==="end"?"":t.text??"";return l`${this.#z(e)}
      <div class="detail-mark">
        <p>${s}</p>
        ${c?l`<p>${a("detail.mark.said",{text:g(c)})}</p>`:p}
        ${n?l`<p class="detail-devtools"><b>${a("detail.explain.devtools")}</b> ${n}</p>`:p}
        <p class="quiet small">${a("detail.mark.at",{time:G(t.at)})}</p>
      </div>`}#F(){return l`<div class="note warn"><p><b>${a("detail.lost.title")}</b></p>
      <p>${this.#e.trace.live?a("detail.lost.text"):""} ${this.#e.trace.live?a("detail.lost.why",{why:this.#f.message}):this.#f.message}</p></div>`}#G(){return l`
      ${this.#H()}
      <div class="detail-views">
        <push-tree .label=${a("detail.tree")} .parts=${this.#t} .scope=${this.#i}
          @lit=${({detail:t})=>this.#_(t,this.#u)} @active=${({detail:t})=>this.#p(t,this.#u)}
          @pin=${({detail:t})=>this.#k(t,this.#u)} @let-go=${()=>this.#j()}></push-tree>
        <push-bytes .mode=${this.#L} .parts=${this.#t} .scope=${this.#i} @mode=${({detail:t})=>{this.#L=t}}
          @lit=${({detail:t})=>this.#_(t,this.#r)} @active=${({detail:t})=>this.#p(t,this.#r)}
          @pin=${({detail:t})=>this.#k(t,this.#r)}></push-bytes>
      </div>
      ${this.#K()}
      <details class="detail-all" .open=${this.#c||this.#m} @toggle=${({target:t})=>this.#I(t.open)}>
        <summary>${a("detail.all.title")}</summary>
        ${this.#c||this.#m?this.#J():p}
      </details>`}#H(){let{record:t,records:e}=this.#t;if(e>1)return l`<p class="detail-write small quiet">${a("detail.write.joined",{conn:t.conn,records:e,n:t.n})}</p>`;let s=(t.messages??[]).filter(({kind:d,length:r})=>d!=="chunk"&&r>0),n=s.findIndex(({offset:d,length:r})=>d===this.#s.offset&&r===this.#s.length),c=a(`detail.write.${t.dir==="up"?"up":"down"}`,{seq:t.seq,conn:t.conn,n:t.n??this.#t.bytes.length}),i=s.length>1&&n>=0?a("detail.write.others",{n:s.length,i:n+1}):a("detail.write.alone");if(this.#i&&this.#i.start<t.offset)return l`<p class="detail-write small quiet">${c}, ${a("detail.write.completed")}.</p>`;let o=t.took>1e5?`; ${a("detail.write.took",{time:v(t.took/1e6)})}`:"";return l`<p class="detail-write small quiet">${c}, ${i}${o}.</p>`}#K(){let t=this.#l&&!this.#n?this.#l:this.#a;if(!t)return p;let{entry:e,kind:s,span:n}=t,c=this.#t.frameOf(t),i=j(t),o=(r,u)=>{r==="lit"?this.#_(u):(this.#k(u),this.#g(u))},d=Math.max(t.start,t.end-1);return l`<div class="explain" data-role=${t.role||"mixed"}>
      <div class="explain-text">
        <h3>${t.name}${e!==s&&!t.name.includes(e.label)?l`<span class="quiet">: ${e.label}</span>`:p}
          <span class="explain-role">${a(`detail.role.${t.role||"mixed"}`)}</span></h3>
        ${t.wrong?l`<p class="explain-wrong"><b aria-hidden="true">✗</b> <b>${a("detail.wrong")}</b> ${t.wrong}</p>`:p}
        <p class="explain-sentence">${e.text}</p>
        ${e!==s&&s.text&&!t.children.length?l`<p class="quiet small">${s.text}</p>`:p}
        ${t.parent?.span.explain&&t.leaf?l`<p class="quiet small">${a("detail.explain.in",{name:t.parent.name,text:t.parent.entry.text})}</p>`:p}
        ${n.masked?l`<p>${a("detail.explain.secret")}</p>`:p}
        ${n.part?l`<p>${a(`detail.explain.piece.${n.part}`)}</p>`:p}
        <dl class="explain-facts">
          ${t.value?l`<div><dt>${a("detail.explain.value")}</dt><dd><code>${y(t.value,400)}</code></dd></div>`:p}
          ${t.note?l`<div><dt>${a("detail.explain.note")}</dt><dd>${g(t.note)}</dd></div>`:p}
        </dl>
        <p class="label">${t.bits?a("detail.explain.bits",{from:t.start}):a(t.length>1?"detail.explain.at":"detail.explain.at-one",{n:t.length,from:t.start,to:d})}</p>
        <p class="explain-links">
          ${I(e)}
          <a class="no-print" href=${`${F({...this.#e.view,selected:this.#s.ref})}&part=${t.index}`}>${a("detail.nav.link")}</a>
        </p>
      </div>
      <div class="explain-more">
        ${i?l`<p class="detail-devtools"><b>${a("detail.explain.devtools")}</b> ${i}</p>`:p}
        ${c?l`${B(c,{active:this.#a,lit:this.#l,tell:o})}${N(this.#t,c,t)}`:p}
      </div>
      <div class="explain-nav no-print">
        <button type="button" class="bare" ?disabled=${!(this.#a?.index>0)} @click=${()=>this.#B(-1)}>‹ ${a("detail.nav.previous-part")}</button>
        <button type="button" class="bare" ?disabled=${!(this.#a&&this.#a.index<this.#t.all.length-1)} @click=${()=>this.#B(1)}>${a("detail.nav.next-part")} ›</button>
        ${this.#n?l`<span class="small quiet">${a("detail.nav.pinned")}</span>
          <button type="button" class="bare" @click=${()=>this.#j()}>${a("detail.nav.let-go")}</button>`:p}
      </div>
    </div>`}#W(){let{id:t,lane:e,kind:s}=this.#s;if(s!=="event"||!t)return p;let{trace:n,view:c,lanes:i}=this.#e,o=[...i?.keys()??[]].filter(d=>d!==e&&c.lanes.has(d)).map(d=>n.byId(d,t)).filter(Boolean);return o.length?l`<p class="detail-same no-print"><span class="label">${a("detail.same.title")}</span>
      ${o.map(d=>l`<button type="button" class="bare" data-lane=${d.lane} @click=${()=>C(this.#e,d)}>
        <span class="badge" aria-hidden="true">${a(`detail.letter.${d.lane}`)}</span>${_(d.lane)}</button>`)}</p>`:p}#J(){let{start:t,end:e}=this.#i??{start:this.#t.from,end:this.#t.to},s=this.#t.all.filter(i=>i.start<e&&i.end>t),n=new Set,c=i=>{let{entry:o}=i,d=n.has(o.key);n.add(o.key);let r=i.leaf?Array.from(this.#t.slice(i).subarray(0,12),u=>b(u).toLowerCase()).join(" "):"";return l`<tr data-role=${i.role||"mixed"} class=${i.leaf||i.bits?"":"whole"}>
        <td class="all-parts-bytes">${i.bits??r}${i.leaf&&i.length>12?" \u2026":""}</td>
        <td class="all-parts-says">${i.value&&!i.bits?l`<code>${y(i.value,60)}</code>`:i.bits?i.span.label:""}</td>
        <td class="all-parts-is" .style=${`--depth: ${i.depth}`}><b>${i.name}</b>${i.wrong?l` <span class="bad">✗ ${i.wrong}</span>`:p}${d?p:l`
          <span>${o.text}</span> ${I(o)}`}</td></tr>`};return l`<div class="scroll-x" tabindex="0" role="group" aria-label=${a("detail.all.title")}><table class="all-parts">
      <thead><tr><th scope="col">${a("detail.all.bytes")}</th><th scope="col">${a("detail.all.says")}</th><th scope="col">${a("detail.all.is")}</th></tr></thead>
      <tbody>${s.slice(0,q).map(c)}</tbody></table></div>
      ${s.length>q?l`<p class="small quiet">${a("detail.all.more",{n:s.length-q})}</p>`:p}`}};customElements.define("push-detail",L);function A(h){let t=new URLSearchParams(h.replace(/^#/,""));return t.has("part")?{item:t.get("item"),part:Number(t.get("part"))}:void 0}function I({spec:h,url:t}){return h?l`<a href=${t} target="_blank" rel="noreferrer" title=${a("detail.explain.spec-new",{spec:h})}>${h} <span aria-hidden="true">↗</span></a>`:p}function J(h){let t=W.filter(e=>h[e]);return l`<div class="roles">
    <div class="roles-bar" aria-hidden="true">${t.map(e=>l`<span data-role=${e} .style=${`flex-grow: ${h[e]}`}></span>`)}</div>
    <p class="roles-key">${t.map(e=>l`<span data-role=${e}><i aria-hidden="true"></i>${a(`detail.role.${e}`)} <b class="num">${h[e]}</b></span>`)}</p>
  </div>`}
//# sourceMappingURL=detail.js.map
