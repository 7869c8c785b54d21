import"./shared-VPKGFMZM.js";import{a as N}from"./shared-V2PPKJCG.js";import"./shared-LQNEPOD2.js";import{b as g,d as E}from"./shared-NXH7EVMQ.js";import{vendor_lit_html_html as R,vendor_lit_html_nothing as pe,vendor_lit_html_render as ue}from"./app.js";import{text_t as C}from"./app.js";import{vendor_lit_html_html as F,vendor_lit_html_nothing as ee}from"./app.js";import{text_t as u}from"./app.js";function O(i,e,t=6e3){return new Promise(s=>{let n=()=>{let c=e();c&&a(c)},a=c=>{clearTimeout(l),i.removeEventListener("change",n),s(c)},l=setTimeout(a,t);i.addEventListener("change",n),n()})}var U="topic=workbench",te=60,T=class{#n;#t;#s;#a=0;#e=[];#r=0;constructor(e,t){this.#n=e,this.#t=t,e.addEventListener("reset",()=>this.#s?.close())}template(){let e=this.#s?.readyState??-1,t=e===WebSocket.OPEN,s=n=>a=>{a.preventDefault(),n(new FormData(a.target))};return F`
      <p class="quiet workbench-intro">${u("detail.workbench.ws.intro")}</p>
      <div class="workbench-row">
        <button type="button" class="primary" ?disabled=${!this.#n.trace.live||e===0||t} @click=${()=>this.#l()}>${u("detail.workbench.ws.open")}</button>
        <span>${u("detail.workbench.ws.state")}: <b>${u(`detail.workbench.ws.states.${e}`)}</b></span>
      </div>
      <div class="workbench-frames">
        <form @submit=${s(n=>this.#o(n.get("text")))}>
          <label class="field"><span class="label">${u("detail.workbench.ws.text")}</span>
            <textarea class="mono" name="text" rows="2" spellcheck="false">{"op":"publish","ref":"1","topic":"workbench","data":"Grüße"}</textarea></label>
          <button ?disabled=${!t}>${u("detail.workbench.ws.send-text")}</button>
        </form>
        <form @submit=${s(n=>this.#h(n.get("binary")))}>
          <label class="field"><span class="label">${u("detail.workbench.ws.binary")}</span>
            <input class="mono" name="binary" value="00 ff f0 9f 99 82" spellcheck="false" autocomplete="off"></label>
          <p class="label">${u("detail.workbench.ws.note-binary")}</p>
          <button ?disabled=${!t}>${u("detail.workbench.ws.send-binary")}</button>
        </form>
        <form @submit=${s(n=>this.#p(n.get("code"),n.get("reason")))}>
          <div class="workbench-row">
            <label class="field"><span class="label">${u("detail.workbench.ws.code")}</span><input class="mono" name="code" value="1000" inputmode="numeric" autocomplete="off"></label>
            <label class="field"><span class="label">${u("detail.workbench.ws.reason")}</span><input class="mono" name="reason" value="done" autocomplete="off"></label>
          </div>
          <p class="label">${u("detail.workbench.ws.note-code")}</p>
          <button ?disabled=${!t}>${u("detail.workbench.ws.send-close")}</button>
        </form>
      </div>
      <h3>${u("detail.workbench.ws.log")}</h3>
      ${this.#e.length?F`<ol class="workbench-log workbench-wire" tabindex="0" role="log" aria-label=${u("detail.workbench.ws.log")}>${this.#e.map(n=>F`<li data-what=${n.what}>
        <span class="label">${n.what==="sent"||n.what==="got"?u(`detail.workbench.ws.${n.what}`):""}</span>
        <code>${E(n.text,200)}</code>
        ${n.sent===void 0?ee:F`<button type="button" class="bare" @click=${()=>this.#u(n)}>${u("detail.workbench.ws.show")}</button>`}</li>`)}</ol>`:F`<p class="quiet">${u("detail.workbench.ws.empty")}</p>`}`}#i(e,t,s){this.#e.push({what:e,text:t,sent:s,opened:this.#a}),this.#e.length>te&&this.#e.shift(),this.#t()}#l(){let{lab:e,trace:t}=this.#n,s=e.laneURL("websocket",`/websocket?${U}`).replace(/^http/,"ws"),n=new WebSocket(s,"pushlab.v1");this.#s=n,this.#a=t.now,this.#r=0,n.onopen=()=>this.#i("open",u("detail.workbench.ws.was-opened",{protocol:n.protocol||"\u2013"})),n.onmessage=({data:a})=>this.#i("got",String(a)),n.onclose=({code:a,reason:l,wasClean:c})=>this.#i("closed",u("detail.workbench.ws.was-closed",{code:String(a),reason:l,clean:u(c?"detail.workbench.ws.clean":"detail.workbench.ws.unclean")})),this.#t()}#c(e,t){if(this.#s?.readyState===WebSocket.OPEN)try{e(),this.#i("sent",t,this.#r++)}catch(s){this.#i("refused",u("detail.workbench.ws.refused",{why:s.message}))}}#o(e){this.#c(()=>this.#s.send(e),e)}#h(e){let t=e.replace(/\s+/g,"");if(!/^([0-9a-f]{2})*$/i.test(t)){this.#i("refused",u("detail.workbench.ws.bad-hex"));return}this.#c(()=>this.#s.send(Uint8Array.from(t.match(/../g)??[],s=>parseInt(s,16))),t.replace(/..(?=.)/g,"$& "))}#p(e,t){this.#c(()=>this.#s.close(Number(e),t),`${e} ${t}`)}async#u({sent:e,opened:t}){let{trace:s}=this.#n,n=await O(s,()=>{let a=s.items.find(({lane:c,kind:r,label:w,at:f})=>c==="websocket"&&r==="request"&&w?.includes(U)&&f>=t-50),l=({conn:c,dir:r,kind:w,offset:f})=>c===a.conn&&r==="up"&&f!==void 0&&w!=="request"&&w!=="pong";return a&&s.items.filter(l)[e]});n&&this.#n.select(n.ref)}};import{vendor_lit_html_html as k,vendor_lit_html_nothing as se}from"./app.js";import{text_t as m}from"./app.js";var S=class{lines=[];feed(e){for(let t of new TextDecoder().decode(e).split(`
`))t&&this.lines.push({text:t,ok:B(t)})}},q=class{lines=[];#n=new TextDecoder;#t="";feed(e){let t=(this.#t+this.#n.decode(e,{stream:!0})).split(`
`);this.#t=t.pop();for(let s of t)s&&this.lines.push({text:s,ok:B(s)})}};function B(i){try{return JSON.parse(i),!0}catch{return!1}}function G(i,e){let t=[];for(let s=0;s<i.length;s+=e)t.push(i.subarray(s,s+e));return t}function J(i,e){for(let t=e;t<i.length;t+=e){if((i[t]&192)!==128)continue;let s=t;for(;s>0&&(i[s]&192)===128;)s--;let n=t;for(;n<i.length&&(i[n]&192)===128;)n++;return{character:new TextDecoder().decode(i.subarray(s,n)),n:n-s}}}var ne=24,I=class{#n;#t;#s=`{"n":1,"text":"Gr\xFC\xDFe"}
{"n":2,"text":"\u{1F642}"}
{"n":3,"text":"done"}
`;#a=0;#e;constructor(e,t){this.#n=e,this.#t=t}template(){let e=this.#s.endsWith(`
`)?this.#s:`${this.#s}
`,t=new TextEncoder().encode(e),s=Math.max(1,Math.ceil(t.length/ne));this.#a||=re(t);let n=Math.max(s,Math.min(this.#a,t.length)),a=G(t,n),l=new S,c=new q;for(let h of a)l.feed(h),c.feed(h);let r=J(t,n),w=a.slice(0,-1).every(h=>h.at(-1)===10),f=(h,{lines:b})=>k`<section><h3>${m(`detail.workbench.nd.${h}`)}</h3>
      <p class="quiet small">${m(`detail.workbench.nd.${h}-text`)}</p>
      <ol class="workbench-log">${b.map(({text:x,ok:_})=>k`<li class=${_?"":"bad"}>${_?k`<code>${x}</code>`:k`<b aria-hidden="true">✗</b> ${m("detail.workbench.nd.broken",{line:g(x)})}`}</li>`)}</ol></section>`,p=this.#s.split(`
`).filter(Boolean).length;return k`
      <p class="quiet workbench-intro">${m("detail.workbench.nd.intro")}</p>
      <div class="workbench-fields">
        <label class="field"><span class="label">${m("detail.workbench.nd.lines")}</span>
          <textarea class="mono" name="lines" rows="4" spellcheck="false" .value=${this.#s} @input=${({target:h})=>this.#r(h.value,this.#a)}></textarea></label>
        <div class="workbench-row">
          <label class="field workbench-slider"><span class="label">${m("detail.workbench.nd.size",{n})}</span>
            <input type="range" name="size" min=${s} max=${Math.max(s,t.length)} .value=${String(n)}
              @input=${({target:h})=>this.#r(this.#s,Number(h.value))}></label>
          <button type="button" class="primary" ?disabled=${!this.#n.trace.live||this.#e?.state==="sending"} @click=${()=>this.#l(t,n,p)}>${m("detail.workbench.nd.send")}</button>
        </div>
      </div>
      <h3 class="label">${m("detail.workbench.nd.pieces",{n:a.length})}</h3>
      <p class="workbench-pieces">${a.map(h=>k`<code>${ae(h)}</code>`)}</p>
      <p class="small">${r?m("detail.workbench.nd.inside-character",r):m(w?"detail.workbench.nd.between":"detail.workbench.nd.inside-line")}</p>
      <div class="workbench-readers">
        ${f("naive",l)}${f("right",c)}
        <section><h3>${m("detail.workbench.nd.live")}</h3>${this.#i()}</section>
      </div>
      <p class="small">${m("detail.workbench.nd.rule")} <a href="https://encoding.spec.whatwg.org/#interface-textdecoder" target="_blank" rel="noreferrer">${m("detail.workbench.nd.spec")} <span aria-hidden="true">↗</span></a></p>`}#r(e,t){this.#s=e,this.#a=t,this.#e=void 0,this.#t()}#i(){let e=this.#e;if(!e)return k`<p class="quiet small">${m("detail.workbench.nd.live-hint")}</p>`;if(e.failure)return k`<p class="bad small">${m("detail.workbench.failed",{why:e.failure})}</p>`;let t=({lines:s})=>s.filter(({ok:n})=>n).length;return k`<p role="status">${m("detail.workbench.nd.live-text",{n:e.sizes.length,sizes:e.sizes.join(", "),naive:t(e.naive),right:t(e.right),of:e.of})}</p>`}async#l(e,t,s){let{lab:n}=this.#n,a={state:"sending",sizes:[],naive:new S,right:new q,of:s};this.#e=a,this.#t();try{await n.command(`raw?${new URLSearchParams({type:"application/x-ndjson",split:t,pause:"80ms"})}`,e);let{body:l}=await fetch(n.laneURL("httpstream","/raw"),{cache:"no-store"}),c=l.getReader();for(;;){let{value:r,done:w}=await c.read();if(w)break;a.sizes.push(r.length),a.naive.feed(r),a.right.feed(r),this.#t()}}catch(l){a.failure=l.message}a.state="done",this.#t()}};function ae(i){return Array.from(g(new TextDecoder().decode(i)).split("\uFFFD").entries(),([e,t])=>k`${e?k`<span class="bad">\ufffd</span>`:se}${t}`)}function re(i){let e=i.findIndex(t=>t>=240);return e<0?Math.ceil(i.length/2):e+2}import{vendor_lit_html_html as d,vendor_lit_html_nothing as y}from"./app.js";import{text_t as o}from"./app.js";import{transports_shared_address as Se,transports_shared_deliver as qe,transports_shared_pause as Me,transports_shared_refusal as Oe,transports_shared_watchdog as Te}from"./app.js";var A=class{lastEventId;retry;#n=!1;#t=!1;#s="";#a="";#e="";#r;constructor({lastEventId:e="",retry:t}={}){this.lastEventId=this.#r=e,this.retry=t}feed(e){let t=[];if(e==="")return t;!this.#n&&e.startsWith("\uFEFF")&&(e=e.slice(1)),this.#n=!0,this.#t&&e.startsWith(`
`)&&(e=e.slice(1)),this.#t=e.endsWith("\r");let s=e.split(/\r\n|\r|\n/);s[0]=this.#s+s[0],this.#s=s.pop();for(let n of s)n===""?this.#l(t):this.#i(n);return t}#i(e){let t=e.indexOf(":");if(t===0)return;let s=t<0?e:e.slice(0,t),n=t<0?"":e.slice(e[t+1]===" "?t+2:t+1);switch(s){case"data":this.#a+=`${n}
`;break;case"event":this.#e=n;break;case"id":n.includes("\0")||(this.#r=n);break;case"retry":/^[0-9]+$/.test(n)&&(this.retry=Number(n));break;default:}}#l(e){this.lastEventId=this.#r,this.#a!==""&&e.push({data:this.#a.slice(0,-1),event:this.#e||"message",id:this.#r}),this.#a=this.#e=""}};var D=(i,e)=>({section:i,url:`https://html.spec.whatwg.org/multipage/server-sent-events.html#${e}`}),ie=D("9.2.1","server-sent-events-intro"),H=D("9.2.2","the-eventsource-interface"),M=D("9.2.5","parsing-an-event-stream"),$=D("9.2.6","event-stream-interpretation"),L={"no-content":ie,"bad-status":H,"wrong-type":H,"bad-utf8":$,bom:M,"late-bom":M,"line-ends":M,cr:M,comment:M,"no-colon":$,"no-space":$,"two-spaces":$,unknown:$,"nul-id":$,"bad-retry":$,retry:$,"two-data":$,"empty-data":$,"no-data":$,"id-stays":$,"no-blank":$},K="text/event-stream",v={good:{raw:`id: 1
event: greeting
retry: 2000
data: Hello

`},"no-blank":{raw:`data: first

data: second, without an end
`},"nul-id":{raw:`id: 7
data: one

id: a\\0b
data: two

`},"bad-utf8":{raw:`data: Gr\\xFC\\xDFe, in Latin-1

`},"line-ends":{raw:`id: 1\\r
data: one\\r\\
data: two
\\r\\
data: three\\r\\rdata: four

`},bom:{raw:`\\xEF\\xBB\\xBFdata: with a mark

\\u{FEFF}data: with another

`},"two-data":{raw:`data: first line
data: second line

`},"no-space":{raw:`data:none

data: one

data:  two

`},unknown:{raw:`Data: upper case
name: nobody knows it
data: known

`},"bad-retry":{raw:`retry: 5s
data: ignored

retry: 5000
data: taken

`},comment:{raw:`: nobody sees this

`},"no-data":{raw:`id: 8
event: alarm

data: this is no alarm

`},"wrong-type":{raw:`data: never read

`,type:"text/plain"},"no-content":{raw:"",status:204}};for(let i of Object.values(v))Object.assign(i,{type:K,status:200,...i});function Q(i){let e=[],t=new TextEncoder,s={n:10,r:13,t:9,0:0,"\\":92},n=/\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|([nrt0\\])|(\n))|[^\\]+|\\[^]?/gu;for(let[a,l,c,r,w]of i.replaceAll(`\r
`,`
`).matchAll(n))if(l)e.push(parseInt(l,16));else if(c&&parseInt(c,16)<=1114111)e.push(...t.encode(String.fromCodePoint(parseInt(c,16))));else if(r)e.push(s[r]);else{if(w)continue;if(a.startsWith("\\"))throw new Error(a);for(let f of t.encode(a))e.push(f)}return Uint8Array.from(e)}function P({id:i,event:e,retry:t,comment:s,data:n,blank:a}){let l=[];return s&&l.push(...s.split(`
`).map(c=>`: ${c}`)),t&&l.push(`retry: ${t}`),i&&l.push(`id: ${i}`),e&&l.push(`event: ${e}`),n&&l.push(...n.split(`
`).map(c=>`data: ${c}`)),l.map(c=>`${c}
`).join("")+(a?`
`:"")}function V(i,{type:e=K,status:t=200}={}){let s=new Set;if(t===204)return["no-content"];if(t!==200)return["bad-status"];if(!/^text\/event-stream\s*(;|$)/i.test(e))return["wrong-type"];try{new TextDecoder("utf-8",{fatal:!0}).decode(i)}catch{s.add("bad-utf8")}let n=new TextDecoder("utf-8",{ignoreBOM:!0}).decode(i);n.startsWith("\uFEFF")&&(s.add("bom"),n=n.slice(1));let a=new Set(n.match(/\r\n|\r|\n/g));a.size>1?s.add("line-ends"):a.has("\r")&&s.add("cr");let l=n.split(/\r\n|\r|\n/),c=l.pop(),r={lines:0,data:[],id:!1,event:!1},w="";for(let f of l){if(f===""){r.data.length>1&&s.add("two-data"),r.data.length===1&&r.data[0]===""&&s.add("empty-data"),!r.data.length&&(r.id||r.event)&&s.add("no-data"),r.data.length&&!r.id&&w&&s.add("id-stays"),r={lines:0,data:[],id:!1,event:!1};continue}r.lines++;let p=f.indexOf(":");if(p===0){s.add("comment");continue}f.startsWith("\uFEFF")&&s.add("late-bom");let h=p<0?f:f.slice(0,p),b=p<0?"":f.slice(p+1);p<0?s.add("no-colon"):b.startsWith("  ")?s.add("two-spaces"):b&&!b.startsWith(" ")&&s.add("no-space"),b=b.replace(/^ /,""),h==="data"?r.data.push(b):h==="event"?r.event=!0:h==="retry"?s.add(/^[0-9]+$/.test(b)?"retry":"bad-retry"):h==="id"?b.includes("\0")?s.add("nul-id"):(r.id=!0,w=b):f.startsWith("\uFEFF")||s.add("unknown")}return(c!==""||r.lines)&&s.add("no-blank"),Object.keys(L).filter(f=>s.has(f))}var oe=6e3,le=60,ce=[200,204,404,500,503],X=["no-content","bad-status","wrong-type"],W=class{#n;#t;#s="good";#a="fields";#e={id:"1",event:"greeting",retry:"2000",comment:"",data:"Hello",blank:!0};#r=v.good.raw;#i=v.good.type;#l=v.good.status;#c;#o;constructor(e,t){this.#n=e,this.#t=t}template(){let{bytes:e,failure:t}=this.#f(),s={type:this.#i,status:this.#l},n=e?V(e,s):[];return d`
      <p class="quiet workbench-intro">${o("detail.workbench.intro")}</p>
      <div class="workbench-presets" role="group" aria-label=${o("detail.workbench.mistakes")}>
        ${Object.keys(v).map(a=>d`<button type="button" aria-pressed=${String(a===this.#s)}
          @click=${()=>this.#d({...v[a],by:"raw",preset:a})}>${o(`detail.workbench.preset.${a}`)}</button>`)}
      </div>
      <form class="workbench-edit" @submit=${a=>this.#m(a)}>
        ${this.#h(e,t)}
        <div class="workbench-bytes">
          <h3 class="label">${o("detail.workbench.bytes",{n:e?.length??0})}</h3>
          ${e?.length?d`<push-bytes mode="text" .parts=${this.#b(e)}></push-bytes>`:y}
        </div>
      </form>
      <div class="workbench-readers">
        <section><h3>${o("detail.workbench.browser")}</h3>${this.#$()}</section>
        <section><h3>${o("detail.workbench.parser")}</h3>${this.#k(e,n)}</section>
        <section><h3>${o("detail.workbench.tap")}</h3>${this.#g()}</section>
      </div>
      ${this.#v(e,n)}
      <section class="workbench-rules"><h3>${o("detail.workbench.rules")}</h3>
        ${n.length?d`<ul>${n.map(a=>d`<li>${o(`detail.workbench.rule.${a}`)}
          <a class="small" href=${L[a].url} target="_blank" rel="noreferrer">${o("detail.workbench.spec",{section:L[a].section})} <span aria-hidden="true">↗</span></a></li>`)}</ul>`:d`<p>${o("detail.workbench.no-rules")}</p>`}
      </section>`}#h(e,t){let s=this.#o?.state;return d`<div class="workbench-fields">
      <span class="switch tight" role="radiogroup" aria-label=${o("detail.workbench.edit")}>
        ${["fields","raw"].map(n=>d`<label><input type="radio" name="workbench-by" value=${n} .checked=${n===this.#a}
          @change=${()=>this.#d({by:n,raw:n==="raw"?P(this.#e):this.#r})}>${o(`detail.workbench.${n}`)}</label>`)}
      </span>
      ${this.#a==="raw"?this.#w():this.#u()}
      <div class="workbench-row">
        <label class="field"><span class="label">${o("detail.workbench.type")}</span>
          <input class="mono" name="type" .value=${this.#i} spellcheck="false" autocomplete="off"
            @input=${({target:n})=>this.#d({type:n.value})}></label>
        <label class="field"><span class="label">${o("detail.workbench.status")}</span>
          <select name="status" @change=${({target:n})=>this.#d({status:Number(n.value)})}>
            ${ce.map(n=>d`<option value=${n} .selected=${n===this.#l}>${String(n)}</option>`)}</select></label>
        <button class="primary" ?disabled=${!e||!this.#n.trace.live||s==="sending"}>${o("detail.workbench.send")}</button>
      </div>
      <p class="small" role="status">${this.#p(t,s)}</p>
    </div>`}#p(e,t){return e?d`<span class="bad">${o("detail.workbench.bad-escape",{escape:g(e)})}</span>`:t==="sending"?o("detail.workbench.sending"):this.#o?.failure?d`<span class="bad">${o("detail.workbench.failed",{why:this.#o.failure})}</span>`:y}#u(){let e=s=>({target:n})=>this.#d({fields:{...this.#e,[s]:n.type==="checkbox"?n.checked:n.value}}),t=s=>d`<label class="field"><span class="label">${o(`detail.workbench.${s}`)}</span>
      <input class="mono" name=${s} .value=${this.#e[s]} spellcheck="false" autocomplete="off" autocapitalize="none" @input=${e(s)}></label>`;return d`<div class="workbench-grid">${["id","event","retry","comment"].map(t)}
      <label class="field wide"><span class="label">${o("detail.workbench.data")}</span>
        <textarea class="mono" name="data" rows="3" spellcheck="false" .value=${this.#e.data} @input=${e("data")}></textarea></label>
      <label class="wide"><input type="checkbox" name="blank" .checked=${this.#e.blank} @change=${e("blank")}> ${o("detail.workbench.blank")}</label></div>`}#w(){return d`<label class="field"><span class="hidden-text">${o("detail.workbench.raw")}</span>
      <textarea class="mono" name="raw" rows="8" spellcheck="false" autocapitalize="none" .value=${this.#r} aria-describedby="workbench-hint"
        @input=${({target:e})=>this.#d({raw:e.value})}></textarea></label>
      <p class="label" id="workbench-hint">${o("detail.workbench.raw-hint")}</p>`}#d({by:e=this.#a,fields:t=this.#e,raw:s=this.#r,type:n=this.#i,status:a=this.#l,preset:l=""}){this.#a=e,this.#e=t,this.#r=s,this.#i=n,this.#l=a,this.#s=l,this.#o=void 0,this.#t()}#f(){try{return{bytes:Q(this.#a==="raw"?this.#r:P(this.#e))}}catch(e){return{failure:e.message}}}#b(e){return this.#c&&this.#c.bytes.length===e.length&&this.#c.bytes.every((s,n)=>s===e[n])||(this.#c=new N({record:{spans:[]},from:0,bytes:e},new Map)),this.#c}async#m(e){e.preventDefault();let{bytes:t}=this.#f(),{lab:s,trace:n}=this.#n,a={state:"sending",log:[],started:n.now};this.#o=a,this.#t();let l=new URLSearchParams({type:this.#i,status:this.#l});try{await s.command(`raw?${l}`,t);let c=new Set(j(t).events.map(({event:r})=>r));await de(s.laneURL("sse","/raw"),c,r=>{a.log.push(r),this.#t()}),a.state="done",this.#t(),a.tap=await he(this.#n,a.started)}catch(c){a.state="done",a.failure=c.message}this.#t()}#$(){if(!this.#o||this.#o.failure)return d`<p class="quiet small">${o("detail.workbench.browser-hint")}</p>`;let{retry:e,lastEventId:t}=j(this.#f().bytes??new Uint8Array);return d`<ol class="workbench-log">${this.#o.log.map(({open:s,event:n,state:a})=>s?d`<li class="quiet">${o("detail.workbench.open")}</li>`:n?d`<li>${Y(n)}</li>`:a===EventSource.CLOSED?d`<li class="bad">${o("detail.workbench.error-closed")}</li>`:d`<li class="quiet">${o("detail.workbench.error-retry",{retry:e===void 0?o("detail.workbench.default-retry"):o("detail.workbench.ms",{n:e})})}${t?o("detail.workbench.error-id",{id:g(t)}):""}</li>`)}</ol>`}#k(e,t){if(!e)return y;let s=X.find(r=>t.includes(r));if(s)return d`<p>${o("detail.workbench.would-refuse",{why:s==="wrong-type"?this.#i:String(this.#l)})}</p>`;let{events:n,lastEventId:a,retry:l,left:c}=j(e);return d`
      ${n.length?d`<ol class="workbench-log">${n.map(r=>d`<li>${Y(r)}</li>`)}</ol>`:d`<p class="quiet">${o("detail.workbench.nothing")}</p>`}
      <dl class="workbench-state small">
        <div><dt>${o("detail.workbench.last-id")}</dt><dd>${a?d`<code>${g(a)}</code>`:o("detail.workbench.empty-string")}</dd></div>
        <div><dt>${o("detail.workbench.retry-is")}</dt><dd>${l===void 0?o("detail.workbench.not-set"):o("detail.workbench.ms",{n:l})}</dd></div>
        ${c?d`<div><dt>${o("detail.workbench.left")}</dt><dd><code>${E(c,120)}</code></dd></div>`:y}
      </dl>`}#g(){let e=this.#o?.tap;if(!this.#o||this.#o.failure)return d`<p class="quiet small">${o("detail.workbench.tap-hint")}</p>`;if(!e)return d`<p class="quiet small">${o("detail.workbench.tap-waiting")}</p>`;if(e.missing)return d`<p class="quiet small">${o("detail.workbench.tap-none")}</p>`;let t=s=>{Object.assign(e,s),this.#t()};return d`<push-tree .label=${o("detail.workbench.tap")} .parts=${e.parts} .scope=${e.scope} .active=${e.active} .lit=${e.lit}
        @active=${({detail:s})=>t({active:s})} @pin=${({detail:s})=>t({active:s})} @lit=${({detail:s})=>t({lit:s})}></push-tree>
      ${e.active?d`<p class="small">${e.active.entry.text}</p>`:y}
      <p><button type="button" class="bare" @click=${()=>this.#n.select(e.ref)}>${o("detail.workbench.to-bytes")}</button></p>`}#v(e,t){if(this.#o?.state!=="done"||this.#o.failure||t.some(l=>X.includes(l)))return y;let s=this.#o.log.flatMap(({event:l})=>l??[]),n=l=>JSON.stringify(l.map(({event:c,data:r,id:w})=>[c,r,w])),a=n(j(e).events)===n(s);return d`<p class="note ${a?"good":"warn"}" role="status">${o(a?"detail.workbench.agree":"detail.workbench.differ")}</p>`}};function de(i,e,t){return new Promise(s=>{let n=new EventSource(i),a=()=>{clearTimeout(l),n.close(),s()},l=setTimeout(a,oe),c=r=>{r instanceof MessageEvent&&t({event:{event:r.type,data:r.data,id:r.lastEventId}})};for(let r of e.add("message"))n.addEventListener(r,c);n.onopen=r=>r instanceof MessageEvent||t({open:!0}),n.onerror=r=>{r instanceof MessageEvent||(t({state:n.readyState}),a())}})}async function he({trace:i,lab:e},t){let s=await O(i,()=>{let p=i.items.findLast(({lane:b,kind:x,label:_,at:z})=>b==="sse"&&x==="request"&&_?.startsWith("GET /raw")&&z>=t-50);if(!p)return;let h=i.items.filter(({conn:b,exchange:x,dir:_,offset:z})=>b===p.conn&&x===p.exchange&&_==="down"&&z!==void 0);return h.some(({kind:b})=>b==="end")?h:void 0});if(!s)return{missing:!0};let{seq:n,conn:a}=s.find(({kind:p})=>p==="response")??s[0],l=Math.min(s.at(-1).seq,n+le),c=[];for(let p=n;p<=l;p++){let h=i.records.get(p)??await e.record(p).catch(()=>{});h?.bytes&&h.record.conn===a&&h.record.dir==="down"&&c.push(h)}if(!c.length)return{missing:!0};let r=N.join(c,await e.kinds()),w=r.roots.find(({span:p})=>p.kind==="response-head"),f=s.find(({kind:p})=>p==="event"||p==="comment")??s[0];return{parts:r,scope:{start:w?.end??r.from,end:r.to},ref:f.ref}}function j(i){let e=new TextDecoder("utf-8",{ignoreBOM:!0}).decode(i),t=new A,s=t.feed(e),n=e.split(/(?:\r\n|\r(?!\n)|\n){2}/);return{events:s,lastEventId:t.lastEventId,retry:t.retry,left:n.at(-1).replace(/^[\r\n]+/,"")}}function Y({event:i,data:e,id:t}){return d`<span class="label">${o("detail.workbench.type-of")}</span> <code>${g(i)}</code>
    ${t?d`<span class="label">id</span> <code>${g(t)}</code>`:y}
    <span class="workbench-data"><span class="label">data</span> <code>${e===""?o("detail.workbench.empty-string"):E(e,300)}</code></span>`}var Z=class{#n;#t;#s;#a="sse";#e=!1;constructor(e,t){this.#n=e,this.#t=t;let s=()=>this.#r();this.#s={sse:new W(t,s),ndjson:new I(t,s),websocket:new T(t,s)},t.addEventListener("trace",s),this.#l()}#r(){this.#e||(this.#e=!0,requestAnimationFrame(()=>{this.#e=!1,this.#l()}))}#i(e){this.#a=e,this.#r()}#l(){ue(R`<section class="panel workbench" aria-labelledby="workbench-title">
      <header>
        <h2 id="workbench-title">${C("detail.workbench.title")}</h2>
        <span class="switch" role="radiogroup" aria-label=${C("detail.workbench.what")}>
          ${Object.keys(this.#s).map(e=>R`<label><input type="radio" name="workbench" value=${e}
            .checked=${e===this.#a} @change=${()=>this.#i(e)}>${C(`detail.workbench.${e}`)}</label>`)}
        </span>
      </header>
      ${this.#t.trace.live?pe:R`<p class="note warn">${C("detail.workbench.frozen")}</p>`}
      ${this.#s[this.#a].template()}
    </section>`,this.#n)}};export{Z as Workbench};
//# sourceMappingURL=bench.js.map
