// Binary data that the page contains as text.

// The browser's own decoder of base64, if there is one, is much faster.
const bytesOf = (base64) => (Uint8Array.fromBase64 ? Uint8Array.fromBase64(base64) : Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));

const carried = (id) => document.getElementById(id)?.textContent;

const unzipped = async (bytes) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());

const floatsOf = (base64) => new Float32Array(bytesOf(base64).buffer);

const integersOf = (base64) => new Int32Array(bytesOf(base64).buffer);

// float16 as float32, by a table of all 65,536 values.
function widened(bytes) {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15);
    table[bits] = bits & 32768 ? -size : size;
  }
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return new Uint8Array(Float32Array.from(halves, (bits) => table[bits]).buffer);
}
