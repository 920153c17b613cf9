// SPDX-License-Identifier: Apache-2.0
// Plays skinned dancers side by side: one WebGL 2 canvas, one clock, one camera.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("view");
const gl = canvas.getContext("webgl2", { antialias: true, stencil: true, preserveDrawingBuffer: true });
const message = document.getElementById("message");
if (!gl) message.textContent = "This browser has no WebGL 2, which the viewer needs.";

function bytes(text) { return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); }
function numbers(text, kind) { return new kind(bytes(text).buffer); }

const SKIN = `#version 300 es
precision highp float;
uniform mat4 camera; uniform sampler2D bones; uniform vec2 frame; uniform float flat_y, shift;
in vec3 position, normal; in vec4 joints, weights;
out vec3 n, p;
mat4 bone(int row, int joint) {
    vec4 a = texelFetch(bones, ivec2(3 * joint, row), 0), b = texelFetch(bones, ivec2(3 * joint + 1, row), 0),
        c = texelFetch(bones, ivec2(3 * joint + 2, row), 0);
    return transpose(mat4(a, b, c, vec4(0.0, 0.0, 0.0, 1.0)));
}
void main() {
    int row = int(frame.x);
    mat4 before = mat4(0.0), after = mat4(0.0);
    for (int i = 0; i < 4; i++) {
        before += weights[i] * bone(row, int(joints[i]));
        after += weights[i] * bone(row + 1, int(joints[i]));
    }
    mat4 m = before * (1.0 - frame.y) + after * frame.y;
    p = (m * vec4(position, 1.0)).xyz;
    n = mat3(m) * normal;
    if (flat_y > 0.5) p = vec3(p.x - 0.45 * p.y, 0.002, p.z - 0.35 * p.y);
    gl_Position = camera * vec4(p, 1.0);
}`;
const PAINT = `#version 300 es
precision highp float;
uniform vec3 colour, eye; uniform float alpha;
in vec3 n, p; out vec4 shown;
void main() {
    if (alpha < 1.0) { shown = vec4(0.0, 0.0, 0.0, alpha); return; }
    vec3 m = normalize(n), v = normalize(eye - p), k = normalize(vec3(0.45, 0.8, 0.6)), f = normalize(vec3(-0.7, 0.3, 0.5));
    float key = max(dot(m, k), 0.0), fill = max(dot(m, f), 0.0), around = 0.5 + 0.5 * m.y;
    float gloss = pow(max(dot(m, normalize(v + k)), 0.0), 24.0);
    vec3 light = colour * (0.95 * key + 0.22 * fill + mix(0.20, 0.34, around)) + 0.05 * gloss;
    shown = vec4(pow(light, vec3(1.0 / 2.2)), 1.0);
}`;
const GROUND = `#version 300 es
precision highp float;
uniform mat4 camera; uniform float reach; in vec2 corner; out vec2 q;
void main() { q = corner * reach; gl_Position = camera * vec4(q.x, 0.0, q.y, 1.0); }`;
const TILES = `#version 300 es
precision highp float;
uniform float reach; in vec2 q; out vec4 shown;
void main() {
    vec2 w = max(fwidth(q * 2.0), vec2(1e-4)), c = q * 2.0;
    vec2 i = 2.0 * (abs(fract((c - 0.5 * w) * 0.5) - 0.5) - abs(fract((c + 0.5 * w) * 0.5) - 0.5)) / w;
    float fade = clamp((reach - length(q)) / (0.7 * reach), 0.0, 1.0);
    shown = vec4(mix(vec3(0.60), vec3(0.60 + 0.035 * i.x * i.y), fade), fade);
}`;

function program(vertex, fragment) {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
        const shader = gl.createShader(kind);
        gl.shaderSource(shader, text); gl.compileShader(shader);
        if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
        gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
    const at = new Map();
    made.at = (name) => { if (!at.has(name)) at.set(name, gl.getUniformLocation(made, name)); return at.get(name); };
    return made;
}

function normalsOf(points, faces) {
    const sums = new Float32Array(points.length);
    for (let f = 0; f < faces.length; f += 3) {
        const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
        const u = [0, 1, 2].map((k) => points[b + k] - points[a + k]), v = [0, 1, 2].map((k) => points[c + k] - points[a + k]);
        const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) sums[corner + k] += n[k];
    }
    for (let i = 0; i < sums.length; i += 3) {
        const length = Math.hypot(sums[i], sums[i + 1], sums[i + 2]) || 1;
        for (let k = 0; k < 3; k++) sums[i + k] /= length;
    }
    return sums;
}

function attribute(prog, name, array, size) {
    const place = gl.getAttribLocation(prog, name);
    if (place < 0) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
}

let skin, ground, groundArray;
function upload(dancer) {
    const faces = numbers(data.faces, Uint32Array), joints = Float32Array.from(bytes(data.joints));
    const weights = Float32Array.from(bytes(data.weights), (w) => w / 255.0);
    for (let i = 0; i < weights.length; i += 4) {
        const sum = weights[i] + weights[i + 1] + weights[i + 2] + weights[i + 3] || 1;
        for (let k = 0; k < 4; k++) weights[i + k] /= sum;
    }
    const points = numbers(dancer.rest, Float32Array);
    dancer.array = gl.createVertexArray();
    gl.bindVertexArray(dancer.array);
    attribute(skin, "position", points, 3);
    attribute(skin, "normal", normalsOf(points, faces), 3);
    attribute(skin, "joints", joints, 4);
    attribute(skin, "weights", weights, 4);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
    dancer.bones = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, dancer.bones);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 3 * dancer.joints, dancer.frames, 0, gl.RGBA, gl.FLOAT,
        numbers(dancer.motion, Float32Array));
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
}

function multiply(a, b) {
    const c = new Float32Array(16);
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++)
        for (let k = 0; k < 4; k++) c[4 * j + i] += a[4 * k + i] * b[4 * j + k];
    return c;
}

const view = { turn: data.turn, pitch: 0.16, distance: data.distance, follow: true, changed: true, size: "" };
const clock = { time: 0, playing: false, last: 0, speed: 1 };
const audio = document.getElementById("audio"), bar = document.getElementById("bar");
const button = document.getElementById("play"), shown = document.getElementById("time");

function cameraFor(target, aspect) {
    const [ct, st, cp, sp] = [Math.cos(view.turn), Math.sin(view.turn), Math.cos(view.pitch), Math.sin(view.pitch)];
    const back = [st * cp, sp, ct * cp], right = [ct, 0, -st], up = [-st * sp, cp, -ct * sp];
    const eye = target.map((t, k) => t + view.distance * back[k]);
    const dot = (a) => -(a[0] * eye[0] + a[1] * eye[1] + a[2] * eye[2]);
    const look = [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0, dot(right), dot(up), dot(back), 1];
    const f = 1 / Math.tan(0.21), near = 0.1, far = 80;
    const lens = [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, 2 * far * near / (near - far), 0];
    return { matrix: multiply(lens, look), eye };
}

function drawCell(cell, left, width, height) {
    const path = cell.path, lead = cell.people[0];
    const at = Math.min(Math.floor(clock.time * lead.fps), path.length / 3 - 1);
    const middle = view.follow ? [path[3 * at], 0.92, path[3 * at + 2]] : [data.centre[0], 0.92, data.centre[2]];
    const { matrix, eye } = cameraFor(middle, width / height);
    gl.viewport(left, 0, width, height);
    gl.enable(gl.BLEND); gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA); gl.disable(gl.DEPTH_TEST);
    gl.useProgram(ground); gl.bindVertexArray(groundArray);
    gl.uniformMatrix4fv(ground.at("camera"), false, matrix); gl.uniform1f(ground.at("reach"), data.reach);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.useProgram(skin);
    gl.uniformMatrix4fv(skin.at("camera"), false, matrix); gl.uniform3fv(skin.at("eye"), eye);
    // Flat copies are the shadows; the stencil keeps their overlaps from darkening twice.
    gl.enable(gl.STENCIL_TEST); gl.clear(gl.STENCIL_BUFFER_BIT);
    gl.stencilFunc(gl.EQUAL, 0, 255); gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    gl.uniform1f(skin.at("flat_y"), 1); gl.uniform1f(skin.at("alpha"), 0.30);
    for (const dancer of cell.people) {
        pose(dancer);
        gl.drawElements(gl.TRIANGLES, data.count, gl.UNSIGNED_INT, 0);
    }
    gl.disable(gl.STENCIL_TEST); gl.disable(gl.BLEND); gl.enable(gl.DEPTH_TEST);
    gl.uniform1f(skin.at("flat_y"), 0); gl.uniform1f(skin.at("alpha"), 1);
    for (const dancer of cell.people) {
        pose(dancer);
        for (const part of dancer.parts) {
            gl.uniform3fv(skin.at("colour"), part.rgb);
            gl.drawElements(gl.TRIANGLES, part.count, gl.UNSIGNED_INT, 4 * part.first);
        }
    }
}

function pose(dancer) {
    const last = dancer.frames - 1, at = Math.min(clock.time * dancer.fps, last);
    const row = Math.min(Math.floor(at), Math.max(last - 1, 0));
    gl.bindVertexArray(dancer.array); gl.bindTexture(gl.TEXTURE_2D, dancer.bones);
    gl.uniform2f(skin.at("frame"), last ? row : 0, last ? at - row : 0);
}

function draw() {
    const scale = window.devicePixelRatio || 1, width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0.60, 0.60, 0.60, 1); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const share = Math.floor(width / data.cells.length);
    data.cells.forEach((cell, number) => drawCell(cell, number * share, share, height));
}

function step(now) {
    const passed = (now - clock.last) / 1000;
    clock.last = now;
    if (clock.playing) {
        if (audio && !audio.paused && clock.speed === 1) clock.time = audio.currentTime;
        else clock.time += passed * clock.speed;
        if (clock.time >= data.duration) { seek(0); if (audio && clock.playing) audio.play(); }
    }
    const size = `${canvas.clientWidth} ${canvas.clientHeight} ${window.devicePixelRatio}`;
    // A picture that does not change is drawn once.
    if (clock.playing || view.changed || size !== view.size) { view.changed = false; view.size = size; draw(); }
    bar.value = clock.time; shown.textContent = `${clock.time.toFixed(1)} / ${data.duration.toFixed(1)} s`;
    requestAnimationFrame(step);
}
function seek(time) { clock.time = time; view.changed = true; if (audio) audio.currentTime = time; }
function play(on) {
    clock.playing = on; button.textContent = on ? "Pause" : "Play";
    if (!audio) return;
    if (on && clock.speed === 1) { audio.currentTime = clock.time; audio.play().catch(() => {}); } else audio.pause();
}

if (gl) {
    skin = program(SKIN, PAINT); ground = program(GROUND, TILES);
    groundArray = gl.createVertexArray(); gl.bindVertexArray(groundArray);
    attribute(ground, "corner", new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), 2);
    for (const cell of data.cells) {
        cell.people.forEach(upload);
        cell.path = numbers(cell.middle, Float32Array);
    }
    bar.max = data.duration;
    button.onclick = () => play(!clock.playing);
    bar.oninput = () => seek(Number(bar.value));
    document.getElementById("speed").onchange = (event) => { clock.speed = Number(event.target.value); play(clock.playing); };
    document.getElementById("follow").onchange = (event) => { view.follow = event.target.checked; view.changed = true; };
    canvas.onpointermove = (event) => {
        if (!event.buttons) return;
        view.changed = true;
        view.turn -= event.movementX * 0.008;
        view.pitch = Math.min(1.5, Math.max(-0.05, view.pitch + event.movementY * 0.006));
    };
    canvas.onpointerdown = (event) => canvas.setPointerCapture(event.pointerId);
    canvas.onwheel = (event) => { event.preventDefault(); view.changed = true; view.distance = Math.min(25, Math.max(1.5, view.distance * Math.exp(event.deltaY * 0.001))); };
    document.onkeydown = (event) => {
        if (event.target.tagName === "SELECT") return;
        if (event.key === " ") { event.preventDefault(); play(!clock.playing); }
        if (event.key === "ArrowRight") seek(Math.min(data.duration, clock.time + 0.1));
        if (event.key === "ArrowLeft") seek(Math.max(0, clock.time - 0.1));
    };
    requestAnimationFrame((now) => { clock.last = now; step(now); document.body.dataset.ready = "yes"; });
}
