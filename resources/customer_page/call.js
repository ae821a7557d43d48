/** The call's strip on the page: who is in it, what this customer can do about it, his level, the sound itself. */

import { h } from "./elements.js";

const LEVEL_MS = 100;

/** Shows how loud a microphone is, without keeping anything of it. */
class Meter {
  #context = null;
  #timer = 0;
  #track = null;

  /** @param {?MediaStreamTrack} track @param {HTMLMeterElement} meter */
  follow(track, meter) {
    if (track === this.#track) return;
    this.#track = track;
    clearInterval(this.#timer);
    void this.#context?.close();
    this.#context = null;
    meter.value = 0;
    if (!track || typeof AudioContext !== "function") return;
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length;
      meter.value = Math.min(1, Math.max(0, 1 + Math.log10(power + 1e-9) / 6));
    }, LEVEL_MS);
  }
}

/** Draws the strip; its buttons are made anew only when they are others. */
export class CallStrip {
  #part;
  #voice;
  #drawn = "";
  #meter = new Meter();
  #level = h("meter", { id: "call-level", min: 0, max: 1, low: 0.1 });

  /**
   * @param {Record<string, HTMLElement>} part
   * @param {import("./voice.js").Voice} voice
   */
  constructor(part, voice) {
    this.#part = part;
    this.#voice = voice;
    part.talk.addEventListener("click", () => void voice.join());
  }

  /**
   * @param {import("./story.js").Story} story
   * @param {?MediaStreamTrack} sound what the rep's app sends of the call
   * @param {import("./language.js").Language} language
   */
  draw(story, sound, language) {
    const voice = this.#voice;
    const inside = story.phase === "inside" && story.session;
    const { asked, others, by } = inside ? voice.call : { asked: null, others: [], by: "" };
    const running = Boolean(inside) && voice.state === "running";
    this.#play(running ? sound : null);
    this.#meter.follow(running ? voice.track : null, this.#level);
    const shown = running || Boolean(asked) || others.length > 0 || voice.state === "opening" || Boolean(inside && voice.hint);
    this.#part.call.hidden = !shown;
    this.#part.talk.hidden = shown || !inside || !voice.mayBegin || !this.#part.talk.dataset.can;
    const t = (key, places) => language.t(key, places);
    if (this.#part.talk.textContent !== t("voice.begin")) this.#part.talk.textContent = t("voice.begin");
    if (!shown) {
      this.#drawn = "";
      return;
    }
    const names = others.length ? language.list(others) : "";
    const words = this.#words(running, asked, names, by || story.session.repName, t);
    const drawn = JSON.stringify([language.current, words, running, Boolean(asked), voice.muted, voice.state, voice.hint, voice.microphones.map(({ deviceId, label }) => [deviceId, label])]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = this.#part.call.contains(document.activeElement) ? document.activeElement.id : "";
    this.#part.call.classList.toggle("asks", Boolean(asked) && !running);
    this.#part.call.replaceChildren(
      h("p", { id: "call-words" }, h("strong", { textContent: words[0] }), words[1] && h("span", { textContent: words[1] })),
      ...(running ? this.#inCall(t) : this.#atTheDoor(asked, t)),
      h("p", { className: "hint", id: "call-hint", role: "alert", textContent: voice.hint ? t(voice.hint) : "" }),
    );
    document.getElementById(focused)?.focus();
  }

  #words(running, asked, names, name, t) {
    if (this.#voice.state === "opening") return [t("voice.opening"), t("voice.opening_text")];
    if (running) return [names ? t("voice.with", { names }) : t("voice.alone"), this.#voice.muted ? t("voice.muted") : ""];
    if (asked) return [t("voice.asks", { name }), `${t("voice.who", { names: names || name })}\n${t("voice.asks_text")}`];
    return names ? [t("voice.others", { names }), t("voice.others_text")] : [t("voice.off"), ""];
  }

  #inCall(t) {
    const voice = this.#voice;
    const choice = h(
      "select",
      { id: "call-microphone", "aria-label": t("voice.microphone") },
      ...voice.microphones.map(({ deviceId, label }) => h("option", { value: deviceId, textContent: label })),
    );
    choice.value = voice.track?.getSettings().deviceId ?? "";
    choice.addEventListener("change", () => void voice.choose(choice.value));
    this.#level.setAttribute("aria-label", t("voice.level"));
    return [
      this.#level,
      voice.microphones.length > 1 && choice,
      this.#button("call-mute", t(voice.muted ? "voice.unmute" : "voice.mute"), voice.muted ? "main" : "quiet", () => voice.mute(!voice.muted)),
      this.#button("call-leave", t("voice.leave"), "danger", () => voice.leave()),
    ].filter(Boolean);
  }

  #atTheDoor(asked, t) {
    const voice = this.#voice;
    if (voice.state === "opening") return [];
    return [
      this.#button("call-join", t(asked ? "voice.allow" : "voice.join"), "main", () => void voice.join()),
      asked && this.#button("call-refuse", t("voice.not_now"), "quiet", () => voice.leave()),
    ].filter(Boolean);
  }

  #button(id, textContent, className, onclick) {
    return h("button", { type: "button", id, className, textContent, onclick });
  }

  /** The click that joined lets the browser play sound. */
  #play(track) {
    const audio = this.#part["call-sound"];
    const now = audio.srcObject?.getAudioTracks()[0] ?? null;
    if (now === track) return;
    audio.srcObject = track ? new MediaStream([track]) : null;
    if (track) void audio.play().catch((error) => console.warn("no sound yet", error.name));
  }
}
