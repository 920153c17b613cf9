# SPDX-License-Identifier: Apache-2.0
"""The engine's shaders (GLSL 3.30). Positions are in stage axes, metres; y of the picture points down."""

from typing import Final

from .display_transform import display_glsl

HEAD: Final = "#version 330 core\n"

SHADING: Final = """
const float PI = 3.14159265;
uniform vec3 light_place[3], light_axis[3], light_rgb[3];
uniform float light_alpha[3];
uniform vec3 sky_rgb, ground_rgb, eye;

// Irradiance of a Lambertian disc that is small for its distance.
vec3 irradiance(int n, vec3 p, out vec3 towards) {
    vec3 way = light_place[n] - p;
    float d2 = dot(way, way);
    towards = way * inversesqrt(d2);
    return light_rgb[n] * (max(dot(towards, light_axis[n]), 0.0) / d2);
}

// GGX with Smith's visibility term; the disc widens the lobe (Karis 2013).
float gloss(vec3 n, vec3 v, vec3 l, float alpha, float widened) {
    vec3 h = normalize(v + l);
    float nh = max(dot(n, h), 0.0), nv = max(dot(n, v), 1e-3), nl = max(dot(n, l), 0.0);
    float a2 = widened * widened, d = nh * nh * (a2 - 1.0) + 1.0;
    float k = alpha * 0.5;
    float g = 1.0 / (4.0 * (nv * (1.0 - k) + k) * (nl * (1.0 - k) + k));
    float f = 0.04 + 0.96 * pow(1.0 - max(dot(v, h), 0.0), 5.0);
    return f * g * (alpha * alpha) / (PI * d * d);
}
"""

FLOOR: Final = """
uniform vec3 backdrop_rgb, backdrop_sky, tile_light, tile_dark;
uniform vec4 tiles;  // side in metres, depth where they end, width over which they fade, 1 where they are drawn

// A box-filtered checkerboard (after Quilez), between -1 and 1.
float checkers(vec2 p) {
    vec2 w = max(fwidth(p), vec2(1e-4));
    vec2 i = 2.0 * (abs(fract((p - 0.5 * w) * 0.5) - 0.5) - abs(fract((p + 0.5 * w) * 0.5) - 0.5)) / w;
    return i.x * i.y;
}

vec3 reflectance(vec3 p) {
    float side = checkers(p.xy / tiles.x);
    float shown = tiles.w * clamp((tiles.y - length(p.xy)) / tiles.z, 0.0, 1.0);
    return mix(backdrop_rgb, mix(tile_dark, tile_light, 0.5 + 0.5 * side), shown);
}

// Radiance of the backdrop; covered: share of each light, and of the surroundings, that does not arrive.
vec3 backdrop(vec3 p, vec3 n, vec4 covered) {
    vec3 l, sum = backdrop_sky * (1.0 - covered.w);
    for (int i = 0; i < 3; i++) {
        vec3 e = irradiance(i, p, l);
        sum += e * max(dot(n, l), 0.0) * (1.0 - covered[i]);
    }
    return reflectance(p) * sum / PI;
}
"""

BACKDROP_VERTEX: Final = (
    HEAD
    + """
uniform mat4 camera;
in vec3 position, normal;
out vec3 p, n;
void main() {
    p = position;
    n = normal;
    gl_Position = camera * vec4(position, 1.0);
}
"""
)
BACKDROP_FRAGMENT: Final = (
    HEAD
    + SHADING
    + FLOOR
    + display_glsl()
    + """
in vec3 p, n;
out vec4 colour;
void main() {
    colour = vec4(displayed(backdrop(p, normalize(n), vec4(0.0))), 1.0);
}
"""
)

GROUND_VERTEX: Final = (
    HEAD
    + """
uniform mat4 camera;
uniform vec3 region;  // centre and half of the side, metres
uniform vec4 part;    // lower left and upper right corner of what is drawn
in vec2 corner;
out vec3 p;
out vec2 uv;
void main() {
    p = vec3(mix(part.xy, part.zw, 0.5 + 0.5 * corner), 0.0);
    uv = 0.5 + 0.5 * (p.xy - region.xy) / region.z;
    gl_Position = camera * vec4(p, 1.0);
}
"""
)
GROUND_FRAGMENT: Final = (
    HEAD
    + SHADING
    + FLOOR
    + display_glsl()
    + """
uniform sampler2D coverage;
uniform bool catcher;
in vec3 p;
in vec2 uv;
out vec4 colour;
void main() {
    vec4 covered = texture(coverage, uv);
    if (max(max(covered.x, covered.y), max(covered.z, covered.w)) < 0.002) discard;
    vec3 shown = displayed(backdrop(p, vec3(0.0, 0.0, 1.0), covered));
    if (catcher) {
        vec3 lit = displayed(backdrop(p, vec3(0.0, 0.0, 1.0), vec4(0.0)));
        colour = vec4(0.0, 0.0, 0.0, 1.0 - dot(shown, vec3(1.0)) / max(dot(lit, vec3(1.0)), 1e-4));
    } else {
        colour = vec4(shown, 1.0);
    }
}
"""
)

PLANAR_VERTEX: Final = (
    HEAD
    + """
uniform vec4 places[64];
uniform vec3 region;
uniform ivec2 grid;
in vec3 position;
flat out vec4 channel;
out float gl_ClipDistance[4];
void main() {
    vec4 s = places[gl_InstanceID];
    vec3 q = vec3(position.xy, max(position.z, 0.0));
    vec2 ground = (q.xy * s.z - s.xy * q.z) / (s.z - s.w * q.z);
    vec2 place = (ground - region.xy) / region.z;
    int tile = gl_InstanceID / 4, part = gl_InstanceID % 4;
    channel = vec4(equal(ivec4(part), ivec4(0, 1, 2, 3)));
    gl_ClipDistance[0] = 1.0 - place.x;
    gl_ClipDistance[1] = 1.0 + place.x;
    gl_ClipDistance[2] = 1.0 - place.y;
    gl_ClipDistance[3] = 1.0 + place.y;
    vec2 corner = vec2(tile % grid.x, tile / grid.x);
    gl_Position = vec4((corner + 0.5 + 0.5 * place) / vec2(grid) * 2.0 - 1.0, 0.0, 1.0);
}
"""
)
PLANAR_FRAGMENT: Final = (
    HEAD
    + """
flat in vec4 channel;
out vec4 colour;
void main() { colour = channel; }
"""
)

SCREEN_VERTEX: Final = (
    HEAD
    + """
in vec2 corner;
out vec2 uv;
void main() {
    uv = 0.5 + 0.5 * corner;
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""
)
SUM_FRAGMENT: Final = (
    HEAD
    + """
uniform sampler2D atlas;
uniform ivec2 grid;
uniform int side;
uniform vec4 share[16];  // of each tile, by group
in vec2 uv;
out vec4 colour;
void main() {
    ivec2 place = ivec2(uv * side);
    vec4 sum = vec4(0.0);
    for (int tile = 0; tile < grid.x * grid.y; tile++) {
        vec4 hit = texelFetch(atlas, place + side * ivec2(tile % grid.x, tile / grid.x), 0);
        sum += share[tile] * dot(hit, vec4(1.0));
    }
    colour = sum;
}
"""
)

DEPTH_VERTEX: Final = (
    HEAD
    + """
uniform mat4x3 views[48];
uniform ivec2 grid;
in vec3 position;
void main() {
    vec3 q = views[gl_InstanceID] * vec4(position, 1.0);
    vec2 corner = vec2(gl_InstanceID % grid.x, gl_InstanceID / grid.x);
    gl_Position = vec4((corner + 0.5 + 0.5 * q.xy) / vec2(grid) * 2.0 - 1.0, q.z * 2.0 - 1.0, 1.0);
}
"""
)
DEPTH_FRAGMENT: Final = HEAD + "void main() {}\n"

VISIBILITY_VERTEX: Final = (
    HEAD
    + """
uniform mat4x3 views[48];
uniform vec4 towards[48];  // direction to the sample; last entry: group
uniform ivec2 grid;
uniform int count;
uniform float offset_m;
uniform sampler2DShadow atlas;
in vec3 position, normal;
out vec3 lights;
out vec2 surroundings;
void main() {
    vec3 sum = vec3(0.0), number = vec3(1e-3);
    vec2 open = vec2(0.05), all = vec2(0.05);
    vec3 from = position + normal * offset_m;
    for (int i = 0; i < count; i++) {
        float facing = dot(normal, towards[i].xyz);
        vec3 q = views[i] * vec4(from, 1.0);
        vec2 corner = vec2(i % grid.x, i / grid.x);
        float seen = texture(atlas, vec3((corner + 0.5 + 0.5 * q.xy) / vec2(grid), q.z - 0.002));
        int group = int(towards[i].w);
        if (group < 3) {
            sum[group] += seen;
            number[group] += 1.0;
        } else {
            int side = towards[i].z > 0.0 ? 0 : 1;
            open[side] += max(facing, 0.0) * seen;
            all[side] += max(facing, 0.0);
        }
    }
    lights = sum / number;
    surroundings = open / all;
}
"""
)

BODY_VERTEX: Final = (
    HEAD
    + """
uniform mat4 camera;
in vec3 position, normal, lights;
in vec2 surroundings;
centroid out vec3 p, n, lit;
centroid out vec2 open;
void main() {
    p = position;
    n = normal;
    lit = lights;
    open = surroundings;
    gl_Position = camera * vec4(position, 1.0);
}
"""
)
BODY_FRAGMENT: Final = (
    HEAD
    + SHADING
    + display_glsl()
    + """
uniform vec3 albedo;
uniform float roughness;
centroid in vec3 p, n, lit;
centroid in vec2 open;
out vec4 colour;
void main() {
    vec3 normal = normalize(n), view = normalize(eye - p), l;
    float alpha = roughness * roughness;
    float fresnel = 0.04 + 0.30 * (1.0 - roughness) * pow(1.0 - max(dot(normal, view), 0.0), 5.0);
    vec3 around = mix(ground_rgb * open.y, sky_rgb * open.x, 0.5 + 0.5 * normal.z);
    vec3 mirrored = reflect(-view, normal);
    vec3 seen = mix(ground_rgb * open.y, sky_rgb * open.x, 0.5 + 0.5 * mirrored.z);
    vec3 diffuse = around, specular = seen / PI * fresnel;
    for (int i = 0; i < 3; i++) {
        vec3 e = irradiance(i, p, l);
        float facing = max(dot(normal, l), 0.0);
        diffuse += e * facing * lit[i];
        specular += e * facing * lit[i] * gloss(normal, view, l, alpha, min(1.0, alpha + light_alpha[i]));
    }
    colour = vec4(displayed(albedo * (1.0 - fresnel) * diffuse / PI + specular), 1.0);
}
"""
)

COMPOSE_FRAGMENT: Final = (
    HEAD
    + """
uniform sampler2D picture;
in vec2 uv;
out vec4 colour;
void main() { colour = texelFetch(picture, ivec2(gl_FragCoord.xy), 0); }
"""
)
