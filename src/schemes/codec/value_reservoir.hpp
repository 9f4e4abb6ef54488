#pragma once
// Samples of (key, value) in proportion to |value|^2, drawn with replacement from a stream: SubGen's sketch of the
// numerator of attention.

#include <boost/random/uniform_01.hpp>
#include <cmath>
#include <vector>

#include "core/float_format.hpp"
#include "core/rng.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

// Calls visit(j) for those j in 0..count-1 whose independent events of probability p come true, by drawing the gaps
// between them.
template <class Visit>
void for_each_hit(core::Stream& coins, double p, Index count, Visit visit) {
  if (p <= 0) return;
  const double log_miss = p < 1 ? std::log1p(-p) : -1;
  for (Index j = 0; j < count; ++j) {
    if (p < 1) {
      const double gap = std::log1p(-boost::random::uniform_01<double>()(coins)) / log_miss;
      if (gap >= static_cast<double>(count - j)) return;
      j += static_cast<Index>(gap);
    }
    visit(j);
  }
}

// Always `slots` rows, zeros until a value that is not zero has come. Lengths are those of values as they are stored.
class ValueReservoir {
 public:
  ValueReservoir(core::FloatFormat format, const PublicParams& params, Index slots);

  void offer(Index token, const float* key, const float* value);
  Bits bits() const { return bits(format_, slots_, keys_.cols()); }
  static Bits bits(core::FloatFormat format, Index slots, Index d) {
    return 32 + slots * 2 * d * core::bits_of(format);
  }
  // Sum of |value|^2 in single precision, then keys, then values.
  void write(core::BitWriter& writer) const;

 private:
  core::FloatFormat format_;
  core::Coins coins_;
  Index slots_;
  double mass_ = 0;
  core::RowMatrixF keys_, values_;
  std::vector<float> key_row_, value_row_;
};

// What Bob reads of it: the sum over tokens of f(k) v has the unbiased estimate sum_j weights_j f(keys_j) values_j.
struct ValueSamples {
  ValueSamples(core::FloatFormat format, const PublicParams& params, core::BitReader& reader, Index slots);
  core::RowMatrixD keys, values;
  Eigen::VectorXd weights;  // mass / (slots |value|^2); 0 for a slot of no value
};

}  // namespace kvfrontier::schemes
