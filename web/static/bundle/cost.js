import{ui_element_Element as N,ui_element_badge as y,ui_element_bytes as p,ui_element_html as d,ui_element_milliseconds as E,ui_element_nothing as F}from"./app.js";function b(e,t){let n=t==="longpoll"?q(e):k(e,t);if(!n.length)return;let a={n:n.length,down:0,up:0,ms:0};for(let{down:s,up:o,ms:c}of n)a.down+=s,a.up+=o,a.ms+=c;return a.ms>0?a:void 0}function w({down:e,up:t,ms:n}){return(e+t)*36e5/n}function k({items:e},t){let{conn:n}=e.findLast(i=>i.lane===t&&i.dir==="down"&&(i.kind==="event"||i.kind==="control"))??{},a=[],s,o=0,c;for(let i=e.length-1;i>=0&&a.length<10;i--){let l=e[i];if(l.lane!==t||l.conn!==n||l.offset===void 0)continue;let{kind:u,topic:v,dir:x,at:g}=l;if(x==="up"){u==="pong"&&(o+=l.length);continue}if(u==="response")break;if(u==="comment")continue;let h=l.offset+l.length;c&&a.push({down:c.end-h,up:c.up,ms:c.at-g}),c=void 0,u==="ping"?s=h:(v==="$beat"&&(s===void 0||o)&&(c={end:s??h,up:o,at:g}),s=void 0,o=0)}return a}function q({items:e}){let t=[],n,a;for(let s=e.length-1;s>=0&&t.length<10;s--){let o=e[s];if(o.lane!=="longpoll")continue;o.kind==="response"&&o.label?.startsWith("204")&&(a=o);let c=o.kind==="request"&&M(o);if(!c||(n??=c,c!==n||a?.conn!==o.conn||a.exchange!==o.exchange))continue;let i=a.at-o.at;i>1e3*n-20&&t.push({down:a.length,up:o.length,ms:i})}return t}function M({label:e}){return Number(/[?&]wait=(\d+)/.exec(e)?.[1])||void 0}import{text_t as r}from"./app.js";var m=[{name:"request",role:"head",of:e=>e.headUp},{name:"response",role:"head",of:e=>e.headDown},{name:"framing",role:"framing",of:e=>e.framing},{name:"payload",role:"payload",of:e=>e.payload}],_=1e4,S=25,$=class extends N{static pace=500;#e;template(t){let n=[...t.lanes.values()].map(s=>({lane:s,...z(t.trace.totals(s.name))})),a=Math.max(1,...n.map(({all:s})=>s||0));return d`<section class="panel cost" aria-labelledby="cost-title">
      <header><h2 id="cost-title">${r("trace.cost.title")}</h2><span class="quiet small">${r("trace.cost.since")}</span></header>
      <ul class="key" aria-hidden="true">${m.map(({name:s,role:o})=>d`<li><i class="part ${s}" data-role=${o}></i>${r(`trace.cost.parts.${s}`)}</li>`)}</ul>
      <div class="bars" aria-hidden="true">${n.map(({lane:s,values:o,all:c})=>d`<div class="bar" data-lane=${s.name}>
        ${y(s)}<span class="track">${Number.isFinite(c)?m.map(({name:i,role:l},u)=>d`<i class="part ${i}" data-role=${l} data-share=${100*o[u]/a}></i>`):F}</span>
        <span class="num sum">${p(c)}</span></div>`)}</div>
      <div class="scroll-x" tabindex="0" role="region" aria-label=${r("trace.cost.table")}><table>
        <caption class="hidden-text">${r("trace.cost.table")}</caption>
        <thead><tr><th scope="col">${r("trace.cost.lane")}</th>${m.map(({name:s})=>d`<th scope="col" class="num">${r(`trace.cost.short.${s}`)}</th>`)}
          <th scope="col" class="num">${r("trace.cost.all")}</th><th scope="col" class="num">${r("trace.cost.segments")}</th></tr></thead>
        <tbody>${n.map(({lane:s,values:o,all:c,segments:i})=>d`<tr data-lane=${s.name}><th scope="row">${r(`trace.short.${s.name}`)}</th>
          ${o.map(l=>d`<td class="num">${f(l)}</td>`)}<td class="num"><strong>${f(c)}</strong></td><td class="num">${f(i)}</td></tr>`)}</tbody>
      </table></div>
      <div class="idle">
        <h3 id="cost-idle">${r("trace.cost.idle.title")}</h3>
        <ul aria-labelledby="cost-idle">${[...t.lanes.values()].map(s=>this.#t(t,s))}</ul>
        <p class="quiet small">${r("trace.cost.idle.note")}</p>
      </div>
      <details class="chart" @toggle=${s=>this.#n(s.target)}>
        <summary>${r("trace.cost.chart")}</summary>
        <div class="plots"></div>
      </details>
    </section>`}#t(t,n){let a=n.h2?void 0:b(t.trace,n.name),s=a&&w(a);return d`<li data-lane=${n.name}>${y(n)}<span class="who">${r(`trace.short.${n.name}`)}</span>
      ${a?d`<strong class="num hour">${r("trace.cost.idle.hour",{size:p(s)})}</strong>
        <span class="num crowd">${r("trace.cost.idle.crowd",{n:_,size:p(_*s)})}</span>`:d`<strong class="none">–</strong>`}
      <span class="quiet small why">${a?H(n,a):A(t,n)}</span></li>`}drawn(){for(let t of this.querySelectorAll("[data-share]"))t.style.setProperty("--share",`${t.dataset.share}%`);this.#e?.update()}async#n(t){if(!t.open){this.#e?.close(),this.#e=void 0;return}let{Chart:n}=await import("./chart.js");t.open&&!this.#e&&(this.#e=new n(this.app,t.querySelector(".plots")))}};function z(e){let t=n=>e.events?n/e.events:NaN;return{values:m.map(({of:n})=>t(n(e))),all:t(e.head+e.framing+e.payload),segments:t(e.segments)}}function H(e,{n:t,down:n,up:a,ms:s}){let o=e.name==="longpoll"?"polls":a?"pings":"beats";return r(`trace.cost.idle.${o}`,{n:t,bytes:Math.round((n+a)/t),down:Math.round(n/t),up:Math.round(a/t),time:E(s/t).replace(" ","\xA0")})}function A(e,t){if(t.h2)return r("trace.cost.idle.h2");if(t.state==="closed")return r("trace.cost.idle.closed");if(t.name==="longpoll")return r("trace.cost.idle.no-poll",{time:`${t.options?.wait??S}\xA0s`});let n=e.lab.state.settings?.heartbeats[t.name];return n==="off"?r("trace.cost.idle.off"):r("trace.cost.idle.no-beat",{time:D(n)})}function D(e="\u2013"){return e.replace("1m0s","60s").replace(/([\d.]+)(m?s)$/,"$1\xA0$2")}function f(e){return Number.isFinite(e)?e<10&&e>0?e.toFixed(1):String(Math.round(e)):"\u2013"}customElements.define("push-cost",$);
//# sourceMappingURL=cost.js.map
