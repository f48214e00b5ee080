// A page's microphone and ear, for calls: what the test gives is said, and what is played can be taken as PCM16 24 kHz.
const context = new AudioContext({ sampleRate: 24000 });
const mouth = context.createMediaStreamDestination();
// A stream without a source sends nothing at all: this one is silent.
const hum = context.createConstantSource();
const off = context.createGain();
off.gain.value = 0;
hum.connect(off).connect(mouth);
hum.start();

window.microphone = mouth.stream;
window.heard = [];
window.events = [];

window.say = (base64) => {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const samples = new Int16Array(bytes.buffer);
  const buffer = context.createBuffer(1, samples.length, 24000);
  buffer.getChannelData(0).set(Float32Array.from(samples, (one) => one / 32768));
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(mouth);
  source.start();
};

window.listen = (stream) => {
  window.deafen?.(); // one call at a time
  const source = context.createMediaStreamSource(stream);
  const ear = context.createScriptProcessor(2048, 1, 1);
  ear.onaudioprocess = (event) => window.heard.push(new Float32Array(event.inputBuffer.getChannelData(0)));
  source.connect(ear);
  ear.connect(context.destination);
  window.deafen = () => (source.disconnect(), ear.disconnect()); // what is named here is not collected as garbage
};

window.ear = () => {
  const all = new Int16Array(window.heard.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const piece of window.heard) {
    for (let i = 0; i < piece.length; i++) all[at + i] = Math.max(-1, Math.min(1, piece[i])) * 32767;
    at += piece.length;
  }
  const bytes = new Uint8Array(all.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};

// A browser stretches sound while it learns how even packets come: settled once a second has gone by without.
window.settled = async (peer) => {
  // On a busy machine packets come unevenly, and what comes too late is made up.
  for (const one of peer.getReceivers()) one.jitterBufferTarget = 500;
  for (let before = -1; ; ) {
    let now = 0;
    for (const one of (await peer.getStats()).values())
      if (one.type === "inbound-rtp")
        now += one.concealedSamples + one.insertedSamplesForDeceleration + one.removedSamplesForAcceleration;
    if (now === before) return;
    before = now;
    await new Promise((done) => setTimeout(done, 1000));
  }
};
