// <hookpost-portal src="…">: the portal in a frame that is as high as what it shows.
class HookpostPortal extends HTMLElement {
  static observedAttributes = ["src"];

  connectedCallback() {
    this.frame ??= Object.assign(document.createElement("iframe"), { title: "Webhooks", loading: "lazy" });
    this.frame.style.cssText = "display:block;width:100%;border:0;height:40rem";
    if (!this.frame.isConnected) this.append(this.frame);
    this.listen ??= (event) => {
      const height = event.data?.hookpostHeight;
      // Only from our own frame, and only a height: nothing else is ever believed.
      if (event.source === this.frame.contentWindow && Number.isFinite(height)) {
        this.frame.style.height = `${Math.min(Math.max(height, 200), 20000)}px`;
      }
    };
    addEventListener("message", this.listen);
    this.show();
  }

  disconnectedCallback() {
    removeEventListener("message", this.listen);
  }

  attributeChangedCallback() {
    if (this.frame) this.show();
  }

  show() {
    const src = this.getAttribute("src");
    if (src && this.frame.src !== src) this.frame.src = src;
  }
}
customElements.define("hookpost-portal", HookpostPortal);
