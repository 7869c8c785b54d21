import{ui_element_Element as M,ui_element_badge as N,ui_element_html as r,ui_element_icon as L,ui_element_icons as S,ui_element_nothing as d}from"./app.js";import{lab_faults_change as q,lab_faults_faultCommands as C,lab_faults_parse as w}from"./app.js";import{text_t as l}from"./app.js";import{ui_element_Element as A,ui_element_html as p,ui_element_milliseconds as b,ui_element_nothing as x}from"./app.js";import{text_t as c}from"./app.js";var y=12,E=["one","separate","h2"],B=["sse","websocket"],g=class extends A{static events=[];#t=[];#e=7;#s="one";#l="sse";#a;connect(t){for(let s of["reset","trace"])t.addEventListener(s,()=>this.#r());t.addEventListener("view",({detail:s})=>s?.includes("lesson")&&t.view.lesson&&this.#r())}template(t){let{h2:s}=t.lab.description,e=this.#t.filter(({state:i})=>i==="open").length,a=this.#t.filter(({state:i})=>i==="waiting").length,n=this.#t.length>0,h=(i,o,u,f)=>p`<span class="switch tight" role="radiogroup" aria-label=${c(`shell.streams.${i}`)}>
      ${o.map($=>p`<label><input type="radio" name="streams-${i}" .checked=${$===u} ?disabled=${n}
        @change=${()=>{f($),this.drawNow()}}>${c(`shell.streams.${i}s.${$}`)}</label>`)}</span>`;return p`<div class="streams">
      <div class="row">
        <label class="count"><span class="label">${c("shell.streams.count")}</span>
          <input type="number" min="1" max=${y} .value=${String(this.#e)} ?disabled=${n}
            @change=${({target:i})=>{this.#e=Math.min(y,Math.max(1,Math.round(Number(i.value))||1)),this.drawNow()}}></label>
        ${h("kind",B,this.#l,i=>{this.#l=i})}
        ${h("place",s?E:E.slice(0,2),this.#s,i=>{this.#s=i})}
      </div>
      <div class="row">
        ${n?p`<button @click=${()=>this.#r()}>${c("shell.streams.close")}</button>
            <button @click=${()=>this.#o()}>${c("shell.streams.ask")}</button>`:p`<button @click=${()=>this.#c()} ?disabled=${!t.live}>${c("shell.streams.open",{n:this.#e})}</button>`}
        ${this.#a?p`<span class="small">${this.#u()}</span>`:x}
      </div>
      ${n?p`<ol class="places" aria-label=${c("shell.streams.list")}>
          ${this.#t.map(({state:i},o)=>p`<li data-state=${i} title=${c(`shell.streams.states.${i}`)}>${o+1}<span class="hidden-text"> ${c(`shell.streams.states.${i}`)}</span></li>`)}
        </ol>
        <p class="small" role="status">${c("shell.streams.sum",{open:e,waiting:a})}</p>`:x}
    </div>`}#n(t){let{lab:s}=this.app,e=this.#l,a=`/${e}`;return this.#s==="h2"?s.laneURL(e,a,{h2:!0}):s.laneURL(e,a,{host:this.#s==="separate"?`s${t+1}`:""})}async#c(){this.#s==="h2"&&!await this.app.trusts()||(this.#t=Array.from({length:this.#e},(t,s)=>{let e={state:"waiting"},a=n=>()=>{e.state=n,this.draw()};if(this.#l==="websocket"){let n=new WebSocket(this.#n(s).replace(/^http/,"ws"),"pushlab.v1");n.onopen=a("open"),n.onerror=a("failed"),e.close=()=>n.close()}else{let n=new EventSource(this.#n(s));n.onopen=a("open"),n.onerror=a("failed"),e.close=()=>n.close()}return e}),this.drawNow())}#r(){for(let{close:t}of this.#t)t();this.#t=[],this.#a=void 0,this.drawNow()}async#o(){let t=this.#a={at:performance.now()},s=setInterval(()=>this.drawNow(),250);try{await fetch(new URL("/healthz",this.#n(0)),{cache:"no-store",signal:AbortSignal.timeout(2e4)})}catch(e){t.failed=e.name==="TimeoutError"?"timeout":"error"}t.ms=performance.now()-t.at,clearInterval(s),this.drawNow()}#u(){let{at:t,ms:s,failed:e}=this.#a;return e?c(`shell.streams.${e}`,{time:b(s)}):s===void 0?c("shell.streams.asking",{time:b(performance.now()-t)}):c("shell.streams.answered",{time:b(s)})}};customElements.define("push-streams",g);var I=[{group:"ends",name:"fin",once:{cut:"fin"},part:"cut",value:"fin@5s"},{group:"ends",name:"rst",once:{cut:"rst"},part:"cut",value:"rst@5s"},{group:"ends",name:"idle",part:"idle",value:"10s"},{group:"ends",name:"restart",own:"restart"},{group:"silence",name:"blackhole",once:{cut:"blackhole"},part:"blackhole",value:""},{group:"silence",name:"stall",own:"stall"},{group:"silence",name:"offline",own:"offline"},{group:"middle",name:"buffer",own:"buffer"},{group:"middle",name:"bad-gateway",once:{once:"cut=fin,answer=502/3x/10s"},part:"answer",value:"502"},{group:"middle",name:"unavailable",once:{once:"cut=fin,answer=503/3x/10s"},part:"answer",value:"503"},{group:"middle",name:"type",once:{once:"cut=fin,answer=200/1x/type:text/html"}},{group:"middle",name:"no-content",once:{once:"cut=fin,answer=204/1x"}},{group:"line",name:"split",part:"down:split",value:"1B"},{group:"line",name:"narrow",part:"rate",value:"2KiB/s"},{group:"browser",name:"streams",own:"streams"},{group:"browser",name:"hidden",own:"hidden"}],R=["ends","silence","middle","line","browser"],U=matchMedia("(max-width: 1099px)"),j="4KiB/30s",z="down:buffer",v="down:stall",_=class extends M{static events=["state","view","frame","reset"];static pace=200;#t="all";#e={log:"kept",polite:!0};#s=!1;#l=!1;#a;connect(t){this.addEventListener("keydown",s=>{s.key==="Escape"&&(s.stopPropagation(),this.#$())}),t.addEventListener("view",({detail:s})=>{s.includes("breaking")&&this.#n()}),t.addEventListener("reset",()=>{this.#s=!1}),t.view.breaking&&this.#n()}#n(){let{breaking:t}=this.app.view;this.#l||=t,this.drawNow(),t&&(this.#a=document.activeElement,this.querySelector("h2").focus({preventScroll:!0}),U.matches&&!this.app.view.lesson&&document.querySelector("push-story")?.scrollIntoView({block:"start"}))}draw(){this.app.view.breaking&&super.draw()}template(t){let s=t.view.breaking;return r`<section id="faults" class="drawer" role="dialog" aria-labelledby="faults-title" ?data-open=${s} ?hidden=${!s}>
      ${s||this.#l?this.#c(t):d}
    </section>`}#c(t){return r`
      <div class="head">
        <h2 id="faults-title" tabindex="-1">${l("shell.faults.title")}</h2>
        <button class="bare" aria-label=${l("shell.close")} @click=${()=>this.#$()}>${L(S.close)}</button>
        <p class="small quiet">${l("shell.faults.about")}</p>
        <fieldset class="target"><legend class="label">${l("shell.faults.target")}</legend>
          <span class="switch">
            ${["all",...t.lanes.keys()].map(s=>{let e=t.lanes.get(s);return r`<label title=${e?.title??l("shell.faults.all")}><input type="radio" name="fault-target" .checked=${this.#t===s}
                @change=${()=>{this.#t=s,this.drawNow()}}>${e?r`${N(e)}<span class="name" aria-hidden="true">${l(`trace.short.${s}`)}</span><span class="hidden-text">${e.title}</span><span class="how" data-state=${e.stalled?"stalled":e.state} aria-hidden="true"></span>`:l("shell.faults.all")}</label>`})}</span></fieldset>
        ${this.#r(t)}
      </div>
      <div class="list">
        ${R.map(s=>r`<h3>${l(`shell.faults.groups.${s}`)}</h3>
          <ul>${I.filter(e=>e.group===s).map(e=>this.#u(e))}</ul>`)}
      </div>`}#r(t){let s=[],e=new Map,a=(o,u)=>e.set(o,[...e.get(o)??[],u]);for(let o of t.lanes.values())for(let[u,f]of w(t.lab.state.faults?.[o.name]))u!=="delay"&&a(f===""?u:`${u}=${f}`,o);for(let[o,u]of e){let[f]=o.split("=");s.push(this.#o(u,o,()=>this.#h(u.map($=>$.name),{[f]:void 0})))}let n=[...t.lanes.values()].filter(o=>t.lab.state.nginx?.[o.name]);n.length&&s.push(this.#o(n,"nginx",()=>this.#m(n.map(o=>o.name),!1)));let h=[...t.lanes.values()].filter(o=>o.stalled);h.length&&s.push(this.#o(h,l("shell.faults.reads-nothing"),()=>this.#f(h,!1)));let i=t.lab.state.down>0&&t.lab.state.down/1e6>t.lab.now();return r`<div class="now" role="group" aria-label=${l("shell.faults.now")}>
      ${i?r`<span class="chip warn">${l("shell.faults.away")}</span>`:d}
      ${s.length?s:i?d:r`<span class="small quiet">${l("shell.faults.nothing")}</span>`}
      <button class="mend" ?disabled=${!s.length} @click=${()=>this.#_()}>${l("shell.faults.mend")}</button>
    </div>`}#o(t,s,e){let a=t.length===this.app.lanes.size,n=a?l("shell.faults.all"):t.map(({title:h})=>h).join(", ");return r`<span class="chip">${a?r`<b>${l("shell.faults.all-short")}</b>`:t.map(N)}<code>${s}</code><button class="bare"
      aria-label=${l("shell.faults.remove",{fault:s,lane:n})} @click=${e}>${L(S.close)}</button></span>`}#u(t){let{name:s,own:e}=t,{app:a}=this,n=e==="buffer"&&a.lab.description.nginx;return r`<li class="fault" data-fault=${s}>
      <div class="what">
        <h4>${l(`shell.faults.${s}.name`)}</h4>
        <div class="do">${e?this[`own_${e}`]?.():this.#w(t)}</div>
      </div>
      <p>${l(`shell.faults.${s}.${e==="buffer"&&!n?"imitated":"what"}`,{version:a.lab.description.nginx??""})}</p>
      <p class="guess">${l(`shell.faults.${s}.guess`)}</p>
      ${e==="streams"?r`<push-streams .app=${a}></push-streams>`:d}
      ${e==="restart"?this.#b():d}
    </li>`}#w({name:t,once:s,part:e,value:a}){return r`
      ${s?r`<button @click=${()=>this.#g(s)}><span class="hidden-text">${l(`shell.faults.${t}.name`)}: </span>${l("shell.faults.once")}</button>`:d}
      ${e?this.#d(t,()=>this.#p(n=>w(n).get(e)===a),n=>this.#h(this.#i(),{[e]:n?a:void 0}),s?"lasting":"on"):d}`}#d(t,s,e,a="on"){return r`<button aria-pressed=${String(s())} @click=${()=>e(s()!==!0)}><span
      class="hidden-text">${l(`shell.faults.${t}.name`)}: </span>${l(`shell.faults.${a}`)}</button>`}#p(t){let{faults:s={}}=this.app.lab.state;return k(this.#i().map(e=>t(s[e])))}own_restart(){return r`<button @click=${()=>this.app.attempt("server",{do:"restart",down:"3s",...this.#e})}>${l("shell.faults.restart.do")}</button>`}#b(){let t=(s,e,a)=>r`<label><input type="radio" name="restart-${s}" .checked=${this.#e[s]===e}
      @change=${()=>{this.#e={...this.#e,[s]:e},this.drawNow()}}>${a}</label>`;return r`<div class="row">
      <span class="switch tight" role="radiogroup" aria-label=${l("shell.faults.restart.log")}>
        ${t("log","kept",l("shell.faults.restart.kept"))}${t("log","lost",l("shell.faults.restart.lost"))}</span>
      <span class="switch tight" role="radiogroup" aria-label=${l("shell.faults.restart.manner")}>
        ${t("polite",!0,l("shell.faults.restart.polite"))}${t("polite",!1,l("shell.faults.restart.crash"))}</span>
    </div>`}own_stall(){let t=this.#i().map(e=>this.app.lanes.get(e)),s=()=>k(t.map(e=>e.stalled||w(this.app.lab.state.faults?.[e.name]).has(v)));return this.#d("stall",s,e=>this.#f(t,e))}own_offline(){return r`<button aria-pressed=${this.#s} @click=${()=>this.#v(!this.#s)}>${l(this.#s?"shell.faults.offline.back":"shell.faults.offline.do")}</button>`}own_buffer(){let{lab:t}=this.app,s=()=>t.description.nginx?k(this.#i().map(e=>!!t.state.nginx?.[e])):this.#p(e=>w(e).has(z));return this.#d("buffer",s,e=>this.#k(e))}own_streams(){return d}own_hidden(){return d}#i(){return this.#t==="all"?[...this.app.lanes.keys()]:[this.#t]}#g(t){return this.app.attempt("fault",{lane:this.#t,...t})}async#h(t,s){let{faults:e={}}=this.app.lab.state,a=Object.fromEntries(t.map(h=>[h,q(e[h],s)])),n=t.length===this.app.lanes.size?C(a):t.map(h=>({lane:h,set:a[h]||"none"}));for(let h of n)await this.app.attempt("fault",h)}async#f(t,s){let e=[];for(let a of t)a.stall(s)?this.app.trace.laneState(a.name,a.state,l(s?"shell.faults.stall.began":"shell.faults.stall.ended"),this.app.lab.now()):(s||w(this.app.lab.state.faults?.[a.name]).has(v))&&e.push(a.name);e.length&&await this.#h(e,{[v]:s?"":void 0}),e.length&&s&&this.app.notice("warn",l("shell.faults.stall.imitated")),this.draw()}async#v(t){this.#s=t,await this.#h([...this.app.lanes.keys()],{blackhole:t?"":void 0}),dispatchEvent(new Event(t?"offline":"online")),this.draw()}#k(t){return this.app.lab.description.nginx?this.#m(this.#i(),t):this.#h(this.#i(),{[z]:t?j:void 0})}async#m(t,s){let e={on:s,buffering:!0,obeyAccel:!1,readTimeout:"60s",gzip:!1};if(t.length===this.app.lanes.size)await this.app.attempt("nginx",{lane:"all",...e});else for(let a of t)await this.app.attempt("nginx",{lane:a,...e})}async#_(){this.#s=!1,await this.app.mend(),this.draw()}#$(){this.app.set({breaking:!1}),this.#a?.isConnected&&this.#a.focus()}};customElements.define("push-faults",_);function k(m){return m.every(t=>t===m[0])?m[0]??!1:"mixed"}
//# sourceMappingURL=faults.js.map
