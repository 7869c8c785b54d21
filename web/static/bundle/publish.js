import{ui_element_Element as b,ui_element_badge as m,ui_element_bytes as u,ui_element_html as c,ui_element_milliseconds as $,ui_element_nothing as w}from"./app.js";import{text_t as a}from"./app.js";var f=1500,h=20,d=class extends b{static events=["frame","trace","reset"];static pace=200;#e=a("shell.publish.example");#s=new Map;connect(s){s.addEventListener("reset",()=>this.#s.clear())}template(s){let l=[...this.#s.values()].filter(({ms:n})=>n!==void 0),i=Math.max(1,...l.map(({ms:n})=>n)),e=Math.max(1,...l.map(({up:n=0,down:o=0})=>n+o));return c`<section class="panel publish" aria-labelledby="publish-title">
      <header><h2 id="publish-title">${a("shell.publish.title")}</h2></header>
      <form @submit=${n=>{n.preventDefault(),this.#a()}}>
        <label class="field text"><span class="label">${a("shell.publish.text")}</span>
          <input name="text" autocomplete="off" .value=${this.#e} @input=${({target:n})=>{this.#e=n.value}}></label>
        <button class="primary" ?disabled=${!s.live}>${a("shell.publish.all")}</button>
      </form>
      <div class="scroll-x"><table>
        <caption class="hidden-text">${a("shell.publish.caption")}</caption>
        <thead><tr><th>${a("shell.publish.lane")}</th><th>${a("shell.publish.by")}</th><th>${a("shell.publish.trip")}</th><th>${a("shell.publish.bytes")}</th></tr></thead>
        <tbody>${[...s.lanes.values()].map(n=>this.#n(n,i,e))}</tbody>
      </table></div>
      <p class="small quiet">${a("shell.publish.about")}</p>
    </section>`}#n(s,l,i){let e=this.#s.get(s.name),n=s.name==="websocket"?"frame":"post",o=p=>`--size: ${100*p}%`;return c`<tr data-lane=${s.name}>
      <td><button class="bare lane" ?disabled=${!this.app.live} title=${a("shell.publish.one",{lane:s.title})}
        @click=${()=>this.#t(s)}>${m(s)}<span class="hidden-text">${a("shell.publish.by-lane")}</span><span>${s.title}</span></button></td>
      <td>${a(`shell.publish.ways.${n}`)}</td>
      ${e?e.error?c`<td colspan="2" class="bad">${e.error}</td>`:e.pending?c`<td colspan="2" class="quiet">${a("shell.publish.sending")}</td>`:c`<td><span class="num">${$(e.ms)}</span><span class="bar" .style=${o(e.ms/l)}></span></td>
          <td>${e.up===void 0?c`<span class="quiet">${a("shell.publish.counting")}</span>`:c`<span class="num">${a("shell.publish.up-down",{up:u(e.up),down:u(e.down)})}</span>
              <span class="bar" .style=${o(e.up/i)}></span><span class="bar down" .style=${o(e.down/i)}></span>`}
            ${e.connection?c`<span class="small quiet">${a("shell.publish.new-connection")}</span>`:w}</td>`:c`<td class="quiet">–</td><td class="quiet">–</td>`}
    </tr>`}async#a(){for(let s of this.app.lanes.values())await this.#t(s)}async#t(s){let{app:l}=this,i=l.lab.now();this.#s.set(s.name,{pending:!0}),this.drawNow();try{let e=await s.publish(this.#e),n={...e};this.#s.set(s.name,n),this.drawNow(),await this.#l(s,n,e.began??i)}catch(e){this.#s.set(s.name,{error:e.message})}this.drawNow()}async#l(s,l,i){let e=performance.now()+f,n=i+l.ms+h;for(;;){let o=this.app.trace.range(i-h,n).filter(t=>t.lane===s.name&&t.at>=i-h),p=o.find(t=>t.dir==="up"&&(l.by==="frame"?t.kind==="message"||t.kind==="frame":t.kind==="request"&&/publish/.test(t.label??""))),r=p&&o.find(t=>t.dir==="down"&&t.conn===p.conn&&(l.by==="frame"?(t.kind==="message"||t.kind==="control")&&t.kind!=="event":t.kind==="response"&&t.exchange===p.exchange));if(p&&r){Object.assign(l,{up:p.length??0,down:r.length??0,connection:o.some(t=>t.kind==="open"&&t.conn===p.conn)});return}if(performance.now()>e)break;await new Promise(t=>this.app.trace.addEventListener("change",t,{once:!0}))}Object.assign(l,{up:NaN,down:NaN})}};customElements.define("push-publish",d);
//# sourceMappingURL=publish.js.map
