import{a as $}from"./shared-SGJ546WB.js";import{a as d,c as m}from"./shared-SIKCWZTS.js";import{vendor_lit_html_html as a,vendor_lit_html_nothing as y,vendor_lit_html_render as g}from"./app.js";import{text_number as p,text_t as i}from"./app.js";var h=n=>n<1e3?n.toPrecision(3):p(n),c=class extends HTMLElement{name;study;lanes;#e;#s=[];set figures(t){t!==this.#e&&(this.#e=t,g(this.#r(),this))}connectedCallback(){this.#a().catch(t=>{console.error("push-study:",t);for(let s of this.querySelectorAll(".plot"))s.hidden=!0})}disconnectedCallback(){for(let t of this.#s)t.close();this.#s=[]}async#a(){let{StudyChart:t,style:s}=await import("./study-chart.js");if(await s(),!this.isConnected||this.#s.length)return;let r=i(`${this.#t}.rate`);this.#s=this.study.charts.map(o=>new t(this.querySelector(`[data-chart=${o.key}] .plot`),o,r))}get#t(){return`lessons.${this.name}.study`}#r(){let{study:t}=this;return a`<section class="study" aria-labelledby="study-title">
      <h3 id="study-title">${i(`${this.#t}.title`)}</h3>
      <p class="said">${d(i(`${this.#t}.intro`))}</p>
      <div class="charts">${t.charts.map(s=>this.#l(s))}</div>
      <p class="small quiet">${d(i(`${this.#t}.conditions`,t))}</p>
    </section>`}#l(t){let s=`${this.#t}.${t.key}`,r=[...new Set(t.lanes.flatMap(({points:e})=>e.map(([l])=>l)))].sort((e,l)=>e-l),o=t.lanes.filter(e=>e.most).map(e=>[`most.${e.name}`,this.#i(e.most.slice(1))]);return a`<figure data-chart=${t.key} aria-labelledby=${`study-${t.key}`}>
      <h4 id=${`study-${t.key}`}>${i(`${s}.title`)}</h4>
      <div class="said">${m(i(`${s}.found`,{...this.#e,...Object.fromEntries(o),limit:t.limit}))}</div>
      <div class="plot" role="img" aria-label=${i(`${s}.label`)}></div>
      <div><div class="scroll-x" tabindex="0" role="region" aria-label=${i(`${s}.title`)}><table>
        <caption>${i(`${this.#t}.caption`,t)}</caption>
        <thead><tr><th scope="col">${i(`${this.#t}.rate`)}</th>${t.lanes.map(({name:e})=>this.#n(e))}</tr></thead>
        <tbody>${r.map(e=>a`<tr><th scope="row">${p(e)}</th>
          ${t.lanes.map(({points:l})=>this.#o(l.find(([u])=>u===e)))}</tr>`)}</tbody></table></div>
      <p class="small quiet">${d(i(`${this.#t}.again`,t))}</p></div>
    </figure>`}#n(t){let{letter:s}=this.lanes.get(t);return a`<th scope="col" class="num" data-lane=${t}><span class="badge" aria-hidden="true">${s}</span> ${i(`trace.short.${t}`)}
      <svg width="36" height="6" aria-hidden="true"><line x1="0" y1="3" x2="36" y2="3" stroke-dasharray=${$[t].join(" ")||y}></line></svg></th>`}#o(t){if(!t)return a`<td class="num">–</td>`;let[,s,...r]=t;return a`<td class="num">${h(s)} <span class="range">${this.#i(r)}</span></td>`}#i([t,s]){return i(`${this.#t}.range`,{low:h(t),high:h(s)})}};customElements.define("push-study",c);
//# sourceMappingURL=study.js.map
