#include "schemes/codec/gaussian_quantiser.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numbers>
#include <utility>

namespace kvfrontier::schemes {
namespace {

// Parity-check polynomials (h0, h1) of Ungerboeck's one-dimensional codes (Channel coding with multilevel/phase
// signals, IEEE Trans. Inf. Theory 28 (1982), table I) for 2^nu states.
struct Polynomials {
  std::uint32_t h0, h1;
};
constexpr Polynomials ungerboeck[] = {{},         {},          {05, 02},     {013, 04},   {023, 04},
                                      {045, 010}, {0103, 024}, {0235, 0126}, {0515, 0362}};

// Systematic feedback encoder in observer form: the low bit z0 of the state is the half in use, z1 the choice within
// it.
std::uint32_t successor(std::uint32_t state, std::uint32_t choice, int nu) {
  const Polynomials h = ungerboeck[nu];
  std::uint32_t result = state >> 1;
  if ((state & 1) != 0) result ^= h.h0 >> 1;
  if (choice != 0) result ^= h.h1 >> 1;
  return result;
}

double clipped(float x) {
  return std::isnan(x) ? 0.0 : std::clamp<double>(x, -gaussian_reach, gaussian_reach);
}

}  // namespace

std::vector<GaussianQuantiser::Point> GaussianQuantiser::padded(const GaussianCodebook& book, double multiplier) {
  std::vector<Point> points(book.size() + 4, {0, std::numeric_limits<double>::infinity()});
  for (int i = 0; i < book.size(); ++i) points[i + 2] = {book.points[i], multiplier * book.bits[i]};
  return points;
}

GaussianQuantiser::GaussianQuantiser(double step, int states) : states_(states) {
  assert(step >= least_step && step <= 64 && states >= 1 && states <= 256 && (states & (states - 1)) == 0 &&
         states != 2);
  if (states == 1) {
    // -dD/dR = 2 ln2 D at D = step^2 / 12.
    const double multiplier = 2 * std::numbers::ln2 / 12 * step * step;
    books_ = {gaussian_codebook(step, 0, multiplier)};
    next_ = {0, 0};
    points_[0] = padded(books_[0], multiplier);
    return;
  }
  // Less than 2 ln2 D = .35 step^2. Measured to be the best; all values from .17 to .22 do as well.
  const double multiplier = 0.2 * step * step;
  for (int half = 0; half < 2; ++half) {
    books_.push_back(gaussian_codebook(2 * step, half * step, multiplier));
    points_[half] = padded(books_[half], multiplier);
    parity_[half] = books_[half].half & 1;
  }
  const int nu = std::countr_zero(static_cast<unsigned>(states));
  for (int state = 0; state < states; ++state) {
    next_.push_back(successor(state, 0, nu));
    next_.push_back(successor(state, 1, nu));
  }
  before_.resize(next_.size());
  std::vector<std::uint32_t> met(states, 0);
  for (std::uint32_t branch = 0; branch < next_.size(); ++branch)
    before_[2 * next_[branch] + met[next_[branch]]++] = branch;
}

// inline: a function that a shared library exports is called through a table, even from its own file.
inline void GaussianQuantiser::find_branches(double x, int half, Branch* best) const {
  const std::uint32_t near = books_[half].nearest(x);
  // Centroids lie within a spacing of their lattice points, so the best is one of near - 2 .. near + 2. Which one is
  // unpredictable, so the code finds it without branches.
  const Point* points = points_[half].data() + near;
  double cost[5];
  for (int i = 0; i < 5; ++i) cost[i] = (x - points[i].value) * (x - points[i].value) + points[i].cost;
  const double first = std::min(cost[0], cost[2]), even = std::min(first, cost[4]), odd = std::min(cost[1], cost[3]);
  std::uint32_t place = cost[2] < cost[0] ? 2 : 0;
  place = cost[4] < first ? 4 : place;
  const int same = (near + parity_[half]) & 1;
  best[same] = {even, near + place - 2};
  best[1 - same] = {odd, near + (cost[3] < cost[1] ? 3 : 1) - 2};
}

GaussianQuantiser::Path GaussianQuantiser::quantise(std::span<const float> values) const {
  Path path;
  path.indices.resize(values.size());
  if (states_ > 1) {
    search(values, path);
    return path;
  }
  Branch best[2];
  for (Index i = 0; i < std::ssize(values); ++i) {
    find_branches(clipped(values[i]), 0, best);
    path.indices[i] = best[best[1].cost < best[0].cost ? 1 : 0].index;
    path.bits += books_[0].bits[path.indices[i]];
  }
  return path;
}

// Viterbi. Every state has two predecessors.
void GaussianQuantiser::search(std::span<const float> values, Path& path) const {
  const Index count = std::ssize(values), states = states_;
  std::vector<double> cost(states, std::numeric_limits<double>::infinity()), updated(states);
  cost[0] = 0;
  std::vector<std::uint8_t> came(count * states);
  std::vector<std::uint32_t> choices(count * 4);
  for (Index i = 0; i < count; ++i) {
    Branch best[4];  // 2 half + choice, which are the low bits of a branch
    const double x = clipped(values[i]);
    find_branches(x, 0, best);
    find_branches(x, 1, best + 2);
    for (int b = 0; b < 4; ++b) choices[4 * i + b] = best[b].index;
    // Plain pointers, because to the compiler a byte written to `came` might change whatever is not a local variable.
    const std::uint32_t* before = before_.data();
    const double* from = cost.data();
    double* to = updated.data();
    std::uint8_t* chosen = came.data() + i * states;
    for (Index state = 0; state < states; ++state) {
      const std::uint32_t one = before[2 * state], other = before[2 * state + 1];
      const double first = from[one / 2] + best[one & 3].cost, second = from[other / 2] + best[other & 3].cost;
      chosen[state] = second < first;
      to[state] = std::min(first, second);
    }
    cost.swap(updated);
    if (i % 64 != 63) continue;
    // Keeps costs relative to the best: the sums of a long stream would lose digits.
    const double least = *std::min_element(cost.begin(), cost.end());
    for (double& c : cost) c -= least;
  }
  Index state = std::min_element(cost.begin(), cost.end()) - cost.begin();
  std::vector<std::uint8_t> half(count);  // of the state before each value
  for (Index i = count; i-- > 0;) {
    const std::uint32_t branch = before_[2 * state + came[i * states + state]];
    state = branch / 2;
    half[i] = state & 1;
    path.indices[i] = choices[4 * i + (branch & 3)];
  }
  // information() without its walk from state to state.
  for (Index i = 0; i < count; ++i) path.bits += books_[half[i]].bits[path.indices[i]];
}

double GaussianQuantiser::information(std::span<const std::uint32_t> indices) const {
  double bits = 0;
  std::uint32_t state = 0;
  for (const std::uint32_t index : indices) {
    bits += book(state).bits[index];
    state = next(state, index);
  }
  return bits;
}

core::BitString GaussianQuantiser::encode(const Path& path) const {
  RangeEncoder coder;
  std::uint32_t state = 0;
  for (const std::uint32_t index : path.indices) {
    coder.put(book(state).slots(index));
    state = next(state, index);
  }
  return coder.finish();
}

std::vector<float> GaussianQuantiser::decode(const core::BitString& bits, Index count) const {
  RangeDecoder coder(bits);
  std::vector<float> values(count);
  std::uint32_t state = 0;
  for (float& value : values) {
    const int index = book(state).at_slot(coder.slot());
    coder.take(book(state).slots(index));
    value = book(state).points[index];
    state = next(state, index);
  }
  return values;
}

std::shared_ptr<const GaussianQuantiser> gaussian_quantiser(int level, int states) {
  assert(level >= 0 && level < step_levels);
  static std::mutex mutex;
  static std::map<std::pair<int, int>, std::shared_ptr<const GaussianQuantiser>> remembered;
  const std::lock_guard lock(mutex);
  if (remembered.size() >= 512) remembered.clear();
  auto& entry = remembered[{level, states}];
  if (!entry)
    entry = std::make_shared<GaussianQuantiser>(GaussianQuantiser::least_step * std::exp2(level / 256.0), states);
  return entry;
}

}  // namespace kvfrontier::schemes
