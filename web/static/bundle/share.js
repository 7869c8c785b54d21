import{ui_element_Element as h,ui_element_badge as p,ui_element_html as o,ui_element_icon as d,ui_element_icons as u}from"./app.js";import{lab_trace_Trace as m}from"./app.js";import{ui_address_hash as b}from"./app.js";import{text_t as a}from"./app.js";var w=["curl","console","pushlab"],c=class extends h{static events=["view","trace","state"];static pace=300;#e="sse";#s="curl";#a="";template(t){let e=t.lanes.get(this.#e),l=$(this.#s,t.lab,this.#e,e.cursor);return o`<section class="panel share" aria-labelledby="share-title">
      <header><h2 id="share-title">${a("shell.share.title")}</h2><span class="small quiet" role="status">${this.#a}</span></header>
      <div class="row">
        <span class="switch" role="radiogroup" aria-label=${a("shell.share.lane")}>
          ${[...t.lanes.values()].map(s=>o`<label title=${s.title}><input type="radio" name="share-lane" .checked=${s.name===this.#e}
            @change=${()=>{this.#e=s.name,this.drawNow()}}>${p(s)}<span class="hidden-text">${s.title}</span></label>`)}</span>
        <span class="switch" role="radiogroup" aria-label=${a("shell.share.tool")}>
          ${w.map(s=>o`<label><input type="radio" name="share-tool" .checked=${s===this.#s}
            @change=${()=>{this.#s=s,this.drawNow()}}>${a(`shell.share.tools.${s}`)}</label>`)}</span>
      </div>
      <div class="command"><pre tabindex="0">${l}</pre><button @click=${()=>this.#l(l)}>${d(u.copy)}${a("shell.share.copy")}</button></div>
      <p class="small quiet">${a("shell.share.about")}</p>
      <div class="row">
        <button @click=${()=>this.#n()}>${a("shell.share.export")}</button>
        <label class="button">${a("shell.share.import")}<input type="file" class="hidden-text" accept="application/json,.json" @change=${({target:s})=>this.#o(s)}></label>
        <button @click=${()=>this.#r()}>${a("shell.share.link")}</button>
        ${t.live?"":o`<button class="primary" @click=${()=>location.reload()}>${a("shell.share.live")}</button>`}
      </div>
    </section>`}async#l(t,e=a("shell.share.copied")){try{await navigator.clipboard.writeText(t),this.#t(e)}catch{this.#t(a("shell.share.by-hand"))}}#n(){let t=JSON.stringify(this.app.trace.export()),e=document.createElement("a");e.href=URL.createObjectURL(new Blob([t],{type:"application/json"})),e.download=`pushlab-${new Date().toISOString().slice(0,19).replace(/[:T]/g,"-")}.json`,e.click(),setTimeout(()=>URL.revokeObjectURL(e.href),1e4),this.#t(a("shell.share.saved",{name:e.download}))}async#o(t){let[e]=t.files;if(e){try{this.app.show(m.import(JSON.parse(await e.text()))),this.#t(a("shell.share.loaded",{name:e.name}))}catch(l){this.app.notice("bad",a("shell.share.no-trace",{name:e.name,why:l.message}))}t.value=""}}#r(){let{view:t,lab:e}=this.app,l=b({...t,end:t.end??e.now()});return this.#l(new URL(l,location.href).href,a("shell.share.linked"))}#t(t){this.#a=t,this.drawNow()}};customElements.define("push-share",c);function $(r,t,e,l){let s=t.laneURL(e),n=l?`?after=${l}`:"";if(r==="pushlab")return`pushlab sub --transport ${e}${l?` --after ${l}`:""} ${new URL(s).origin}`;if(r==="console"){let i=JSON.stringify(s+n);return{longpoll:`let url = new URL(${i}); while (true) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.status);
  if (answer.status !== 204) console.log(...(await answer.json()).events); // 204: nothing happened meanwhile
  url.searchParams.set('after', answer.headers.get('Pushlab-Cursor'));
}`,httpstream:`const { body } = await fetch(${i});
for await (const text of body.pipeThrough(new TextDecoderStream())) console.log(text);`,sse:`const source = new EventSource(${i});
source.onmessage = ({ data, lastEventId }) => console.log(lastEventId, data);`,websocket:`const socket = new WebSocket(${JSON.stringify(s.replace(/^http/,"ws")+n)}, 'pushlab.v1');
socket.onmessage = ({ data }) => console.log(data);`}[e]}return e==="websocket"?`curl --http1.1 -Nsi -H 'Connection: Upgrade' -H 'Upgrade: websocket' \\
  -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: ${btoa("0123456789abcdef")}' \\
  --output - '${s}${n}'`:`curl ${e==="longpoll"?"-i":"-Ni"} '${s}${n}'`}export{$ as command};
//# sourceMappingURL=share.js.map
