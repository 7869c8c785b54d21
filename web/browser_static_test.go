package web_test

import "testing"

// TestStaticInBrowser runs what is vendored under the page's own Content-Security-Policy: a quiet console is part of it.
func TestStaticInBrowser(t *testing.T) {
	t.Parallel()
	server := serveBrowser(t)
	p := open(t, startChromium(t), server.url+"/minimal/index.html")
	if !run[bool](p, `crossOriginIsolated`) {
		t.Error("the page is not cross-origin isolated")
	}
	if got := run[string](p, `import("/vendor/lit-html.js").then(({ html, svg, render, nothing, repeat, classMap, live, ref, createRef, keyed, guard, cache }) => {
		const place = document.createElement("section");
		document.body.append(place);
		const input = createRef();
		let clicks = 0;
		const view = (items, text) => html`+"`"+`<h2 class=${classMap({ on: items.length > 1, off: false })} title=${nothing}>${text}</h2>
			<button @click=${() => clicks++}>x</button><input ${ref(input)} .value=${live(text)} ?disabled=${items.length > 1}>
			<ol>${repeat(items, (item) => item, (item) => html`+"`<li>${item}</li>`"+`)}</ol>
			${guard([text], () => html`+"`<i>${text}</i>`"+`)}${keyed(text, html`+"`<b></b>`"+`)}${cache(items.length > 1 ? html`+"`<u></u>`"+` : nothing)}
			<svg>${svg`+"`<path d=\"M0 0\"/>`"+`}</svg>`+"`"+`;
		render(view(["a"], "<first>"), place);
		const [first] = place.querySelectorAll("li");
		render(view(["b", "a"], "second"), place);
		place.querySelector("button").click();
		return JSON.stringify([
			place.querySelector("h2").className.trim(), place.querySelector("h2").textContent, place.querySelector("ol").textContent,
			place.querySelectorAll("li")[1] === first, input.value.value, input.value.disabled, clicks,
			place.querySelector("path").namespaceURI, place.querySelector("i").textContent,
		]);
	})`); got != `["on","second","ba",true,"second",true,1,"http://www.w3.org/2000/svg","second"]` {
		t.Errorf("lit-html made %s", got)
	}
	if got := run[int](p, `Promise.all([import("/vendor/uplot.js"), new Promise((loaded) => {
		const style = document.createElement("link");
		style.rel = "stylesheet";
		style.href = "/vendor/uplot.css";
		style.onload = loaded;
		document.head.append(style);
	})]).then(([{ default: uPlot }]) => {
		const chart = new uPlot({ width: 300, height: 200, series: [{}, { stroke: "red" }] }, [[1, 2, 3], [4, 5, 6]], document.body);
		return chart.ctx.canvas.width;
	})`); got < 300 {
		t.Errorf("uPlot drew on a canvas %d wide", got)
	}
}
