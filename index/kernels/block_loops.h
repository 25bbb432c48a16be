// The loops over blocks of bits, written once for every vector width.
//
// A kernel set includes this file inside its own namespace after it has said what a vector is:
//   MUSTER_TARGET                          the target attribute of its functions
//   Vec, kVecWords                         a vector and how many words of 64 bits it holds
//   load, store, both, only, either        a, a AND b, a AND NOT b, a OR b
//   zero, add, total_of                    64-bit lanes
//   count_strip(const Vec (&)[kStrip])     how many bits are set in a strip, by lane
// A strip of eight vectors is reduced in registers before the next is touched, so that every byte
// of every set is read once and nothing is stored on the way.
// No include guard: it is included once per set.

#define MUSTER_EACH _Pragma("GCC unroll 8") for (std::size_t v = 0; v < kStrip; ++v)

constexpr std::size_t kStripWords = kStrip * kVecWords;
static_assert(kBlockWords % kStripWords == 0);

MUSTER_INLINE void load_strip(const std::uint64_t* from, Vec (&strip)[kStrip]) {
  MUSTER_EACH strip[v] = load(from + v * kVecWords);
}

MUSTER_INLINE void store_strip(const Vec (&strip)[kStrip], std::uint64_t* to) {
  MUSTER_EACH store(to + v * kVecWords, strip[v]);
}

MUSTER_INLINE void and_strip(const std::uint64_t* from, Vec (&strip)[kStrip]) {
  MUSTER_EACH strip[v] = both(strip[v], load(from + v * kVecWords));
}

MUSTER_INLINE void andnot_strip(const std::uint64_t* from, Vec (&strip)[kStrip]) {
  MUSTER_EACH strip[v] = only(strip[v], load(from + v * kVecWords));
}

MUSTER_INLINE void or_strip(const std::uint64_t* from, Vec (&strip)[kStrip]) {
  MUSTER_EACH strip[v] = either(strip[v], load(from + v * kVecWords));
}

MUSTER_TARGET std::uint32_t all_of(const FusedSets& sets, std::uint64_t* out) {
  Vec total = zero();
  for (std::size_t i = 0; i < kBlockWords; i += kStripWords) {
    Vec strip[kStrip];
    load_strip(sets.take[0] + i, strip);
    for (std::size_t s = 1; s < sets.takes; ++s) and_strip(sets.take[s] + i, strip);
    for (std::size_t s = 0; s < sets.drops; ++s) andnot_strip(sets.drop[s] + i, strip);
    if (out != nullptr) store_strip(strip, out + i);
    total = add(total, count_strip(strip));
  }
  return static_cast<std::uint32_t>(total_of(total));
}

MUSTER_TARGET std::uint32_t any_of(const FusedSets& sets, std::uint64_t* out) {
  Vec total = zero();
  for (std::size_t i = 0; i < kBlockWords; i += kStripWords) {
    Vec strip[kStrip];
    load_strip(sets.take[0] + i, strip);
    for (std::size_t s = 1; s < sets.takes; ++s) or_strip(sets.take[s] + i, strip);
    if (out != nullptr) store_strip(strip, out + i);
    total = add(total, count_strip(strip));
  }
  return static_cast<std::uint32_t>(total_of(total));
}

MUSTER_TARGET std::uint32_t count(Block a) {
  Vec total = zero();
  for (std::size_t i = 0; i < kBlockWords; i += kStripWords) {
    Vec strip[kStrip];
    load_strip(a.data() + i, strip);
    total = add(total, count_strip(strip));
  }
  return static_cast<std::uint32_t>(total_of(total));
}

// out = a `step` b, counted; the compiler drops the store where out is null.
#define MUSTER_PAIR(step)                                             \
  Vec total = zero();                                                 \
  for (std::size_t i = 0; i < kBlockWords; i += kStripWords) {        \
    Vec strip[kStrip];                                                \
    load_strip(a.data() + i, strip);                                  \
    step(b.data() + i, strip);                                        \
    MUSTER_STORE                                                      \
    total = add(total, count_strip(strip));                           \
  }                                                                   \
  return static_cast<std::uint32_t>(total_of(total));

#define MUSTER_STORE
MUSTER_TARGET std::uint32_t and_count(Block a, Block b) { MUSTER_PAIR(and_strip) }
MUSTER_TARGET std::uint32_t andnot_count(Block a, Block b) { MUSTER_PAIR(andnot_strip) }
#undef MUSTER_STORE
#define MUSTER_STORE store_strip(strip, out.data() + i);
MUSTER_TARGET std::uint32_t and_write(Block a, Block b, MutableBlock out) {
  MUSTER_PAIR(and_strip)
}
MUSTER_TARGET std::uint32_t or_write(Block a, Block b, MutableBlock out) {
  MUSTER_PAIR(or_strip)
}
MUSTER_TARGET std::uint32_t andnot_write(Block a, Block b, MutableBlock out) {
  MUSTER_PAIR(andnot_strip)
}
#undef MUSTER_STORE
#undef MUSTER_PAIR
