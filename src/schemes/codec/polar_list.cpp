#include "schemes/codec/polar_list.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>

#include "schemes/codec/polar_rules.hpp"

namespace kvfrontier::schemes {
namespace {

using namespace polar;

// One float array for each path, at a fixed distance from the one before.
struct PathArrays {
  float* data;
  Index stride;
  float* of(int path) const { return data + path * stride; }
};

// Product of the probabilities (1 + bias) / 2 that every spin is +1, as mantissa times e^log; with `magnitudes`, of the
// probabilities (1 + |bias|) / 2 of the likelier spins, and the least |bias|.
struct Likelihood {
  double mantissa = 1, log = 0;
  float least = 1;
};

template <bool magnitudes>
Likelihood likelihood(const float* bias, Index count) {
  // A factor is at least 2^-21: neither a lane's float nor the product of all lanes in double underflows.
  constexpr Index lanes = 8, rounds = 4;
  Likelihood result;
  float product[lanes], least[lanes];
  std::fill_n(least, lanes, 1.0f);
  Index i = 0;
  for (; i + lanes * rounds <= count; i += lanes * rounds) {
    std::fill_n(product, lanes, 1.0f);
    for (Index r = 0; r < rounds; ++r) {
      for (Index l = 0; l < lanes; ++l) {
        const float b = magnitudes ? std::abs(bias[i + r * lanes + l]) : bias[i + r * lanes + l];
        product[l] *= 0.5f + 0.5f * b;
        least[l] = b < least[l] ? b : least[l];
      }
    }
    for (const float factor : product) result.mantissa *= factor;
    if (result.mantissa < 0x1p-300) {
      result.log += std::log(result.mantissa);
      result.mantissa = 1;
    }
  }
  for (; i < count; ++i) {
    const float b = magnitudes ? std::abs(bias[i]) : bias[i];
    result.mantissa *= 0.5f + 0.5f * b;
    result.least = b < result.least ? b : result.least;
  }
  for (const float b : least) result.least = b < result.least ? b : result.least;
  return result;
}

// Successive cancellation for all paths of a list at once. A node receives an array of biases for each path. It returns
// an array of spins for each path that survived and the path that it continues, so a fork copies nothing but spins.
class ListCancellation {
 public:
  using Origins = std::array<std::uint8_t, max_polar_list>;

  ListCancellation(const PolarCode& code, int list, float* scratch) : code_(code), list_(list), free_(scratch) {}

  int paths() const { return paths_; }

  // Decides u[first .. first + count). Output path q continues input path origins[q].
  void decide(Index first, Index count, PathArrays bias, PathArrays spins, Origins& origins) {
    const Index information = code_.information(first, count);
    if (information == 0) return follow_frozen(count, bias, spins, origins);
    if (information == count) return fork(count, bias, spins, origins);
    float* const mark = free_;
    const Index h = code_.split(count), rest = count - h;
    const PathArrays next = take(rest), left = take(h), right = take(rest);
    Origins left_origins, right_origins;
    for (int p = 0; p < paths_; ++p) left_biases(bias.of(p), h, next.of(p));
    decide(first, h, next, left, left_origins);
    for (int p = 0; p < paths_; ++p) right_biases(bias.of(left_origins[p]), left.of(p), h, rest, next.of(p));
    decide(first + h, rest, next, right, right_origins);
    for (int p = 0; p < paths_; ++p) {
      const int q = right_origins[p];
      origins[p] = left_origins[q];
      combine(left.of(q), right.of(p), h, spins.of(p));
      std::copy_n(right.of(p), rest, spins.of(p) + h);
    }
    free_ = mark;
  }

  // Floats of scratch that a code of length n needs: take() at every level, each at most 2/3 as long as the one above.
  static Index scratch_size(Index n, int list) { return 6 * n * list; }

 private:
  PathArrays take(Index count) {
    const PathArrays arrays{free_, count};
    free_ += count * list_;
    return arrays;
  }

  // Multiplies the weights of all paths. Weights are relative; the largest is always 1.
  void weigh(const std::array<Likelihood, max_polar_list>& factors) {
    double log = -1e300;
    for (int p = 0; p < paths_; ++p) log = std::max(log, factors[p].log);
    for (int p = 0; p < paths_; ++p) {
      weights_[p] *= factors[p].mantissa;
      if (factors[p].log != log) weights_[p] *= std::exp(factors[p].log - log);
    }
    normalise();
  }
  void normalise() {
    const double largest = *std::max_element(weights_.begin(), weights_.begin() + paths_);
    if (!(largest > 0)) {  // all underflowed, relative to a path that has been pruned since
      std::fill_n(weights_.begin(), paths_, 1.0);
      return;
    }
    for (int p = 0; p < paths_; ++p) weights_[p] /= largest;
  }

  void follow_frozen(Index count, PathArrays bias, PathArrays spins, Origins& origins) {
    std::array<Likelihood, max_polar_list> factors;
    for (int p = 0; p < paths_; ++p) {
      origins[p] = static_cast<std::uint8_t>(p);
      all_frozen(count, spins.of(p));
      if (paths_ > 1) factors[p] = likelihood<false>(bias.of(p), count);
    }
    if (paths_ > 1) weigh(factors);
  }

  // A node without frozen positions. Every codeword is allowed, and those in the list differ from the hard decisions in
  // the positions of least |bias|. Keeps the best codewords of all paths instead of forking in the order of u. At a
  // node of one position this is the ordinary fork.
  void fork(Index count, PathArrays bias, PathArrays spins, Origins& origins) {
    std::array<Likelihood, max_polar_list> factors;
    for (int p = 0; p < paths_; ++p) factors[p] = likelihood<true>(bias.of(p), count);
    weigh(factors);

    const int flips = std::min<Index>(count, list_ - 1);
    candidates_ = 0;
    for (int p = 0; p < paths_; ++p) pool_[candidates_++] = {weights_[p], 0, static_cast<std::uint8_t>(p)};
    if (paths_ < list_ || a_flip_may_enter(factors)) {
      for (int p = 0; p < paths_; ++p) find_weakest(bias.of(p), count, flips, weakest_[p]);
      for (int j = 0; j < flips && flip(j); ++j) {
      }
    }
    paths_ = candidates_;
    for (int q = 0; q < paths_; ++q) {
      const Candidate& candidate = pool_[q];
      origins[q] = candidate.path;
      weights_[q] = candidate.weight;
      hard_decisions(bias.of(candidate.path), count, spins.of(q));
      for (std::uint32_t left = candidate.flipped; left != 0; left &= left - 1) {
        const Weak& weak = weakest_[candidate.path][std::countr_zero(left)];
        spins.of(q)[weak.position] = -spins.of(q)[weak.position];
      }
    }
    normalise();
  }

  struct Candidate {
    double weight;
    std::uint32_t flipped;  // set of indices into the path's weakest positions
    std::uint8_t path;
    // Orders distinct candidates strictly, so the list does not depend on a sorting algorithm.
    bool operator<(const Candidate& other) const {
      if (weight != other.weight) return weight > other.weight;
      return path != other.path ? path < other.path : flipped < other.flipped;
    }
  };
  struct Weak {
    float magnitude;
    std::int32_t position;
  };
  using Weakest = std::array<Weak, max_polar_list>;

  // The factor by which a flip changes a path's weight.
  static double penalty(float magnitude) { return (1.0 - magnitude) / (1.0 + magnitude); }

  bool a_flip_may_enter(const std::array<Likelihood, max_polar_list>& factors) const {
    const double least = *std::min_element(weights_.begin(), weights_.begin() + paths_);
    for (int p = 0; p < paths_; ++p) {
      if (weights_[p] * penalty(factors[p].least) > least) return true;
    }
    return false;
  }

  // The `wanted` positions of least |bias|, ascending.
  static void find_weakest(const float* bias, Index count, int wanted, Weakest& weakest) {
    int found = 0;
    for (Index i = 0; i < count; ++i) {
      const float magnitude = std::abs(bias[i]);
      if (found == wanted && !(magnitude < weakest[found - 1].magnitude)) continue;
      int slot = found < wanted ? found++ : found - 1;
      for (; slot > 0 && magnitude < weakest[slot - 1].magnitude; --slot) {
        weakest[slot] = weakest[slot - 1];
      }
      weakest[slot] = {magnitude, static_cast<std::int32_t>(i)};
    }
  }

  // Lets every candidate also flip its path's j-th weakest position and keeps the best. False when no flip entered the
  // list; then no flip of a stronger position can.
  bool flip(int j) {
    const int before = candidates_;
    for (int c = 0; c < before; ++c) {
      Candidate flipped = pool_[c];
      flipped.weight *= penalty(weakest_[flipped.path][j].magnitude);
      flipped.flipped |= std::uint32_t{1} << j;
      pool_[candidates_++] = flipped;
    }
    if (candidates_ <= list_) return true;
    std::nth_element(pool_.begin(), pool_.begin() + list_ - 1, pool_.begin() + candidates_);
    candidates_ = list_;
    return std::any_of(pool_.begin(), pool_.begin() + list_, [&](const Candidate& c) { return c.flipped >> j != 0; });
  }

  const PolarCode& code_;
  const int list_;
  float* free_;
  int paths_ = 1, candidates_ = 0;
  std::array<double, max_polar_list> weights_{1.0};
  std::array<Candidate, 2 * max_polar_list> pool_;
  std::array<Weakest, max_polar_list> weakest_;
};

}  // namespace

void list_decisions(const PolarCode& code, int list, const std::vector<float>& biases, std::vector<float>& spins,
                    std::vector<float>& scratch) {
  const Index n = code.length();
  const Index own = n * list;
  scratch.resize(own + ListCancellation::scratch_size(n, list));
  ListCancellation cancellation(code, list, scratch.data() + own);
  ListCancellation::Origins origins;
  std::vector<float> source = biases;
  const PathArrays found{scratch.data(), n};
  cancellation.decide(0, n, {source.data(), n}, found, origins);

  Index nearest = n + 1;
  for (int p = 0; p < cancellation.paths(); ++p) {
    Index distance = 0;
    for (Index i = 0; i < n; ++i) distance += std::signbit(found.of(p)[i]) != std::signbit(biases[i]);
    if (distance >= nearest) continue;
    nearest = distance;
    spins.assign(found.of(p), found.of(p) + n);
  }
}

}  // namespace kvfrontier::schemes
