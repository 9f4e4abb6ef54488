#include "schemes/codec/eviction.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace kvfrontier::schemes {

HeavyHitters::HeavyHitters(Proxy proxy, const PublicParams& params, Index heavy, Index recent, bool mean_score)
    : heavy_(heavy),
      recent_(recent),
      mean_score_(mean_score),
      proxy_(proxy, params),
      keys_(std::min(heavy + recent, params.tokens()) + 1, params.d) {}

Index HeavyHitters::offer(Index token, const float* key) {
  const Index fresh = count();
  if (heavy_ + recent_ == 0) return -1;
  keys_.row(fresh) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
  tokens_.push_back(token);
  scores_.push_back(0);
  add_attention(keys_.topRows(count()), proxy_.of(token, key), logits_, scores_);
  if (count() <= heavy_ + recent_) return fresh;
  const Index victim = lowest_score(token);
  keys_.row(victim) = keys_.row(fresh).eval();
  std::swap(tokens_[victim], tokens_[fresh]);
  std::swap(scores_[victim], scores_[fresh]);
  tokens_.pop_back();
  scores_.pop_back();
  return victim == fresh ? -1 : victim;
}

std::vector<Index> HeavyHitters::tokens() const {
  std::vector<Index> list = tokens_;
  std::sort(list.begin(), list.end());
  return list;
}

// Smaller score first, then older first, among the tokens that are not the `recent` newest: first the least score, in
// lanes and without branches, and then the slot that has it.
Index HeavyHitters::lowest_score(Index newest) const {
  constexpr Index lanes = 8;
  const auto score = [&](Index slot) {
    const Index age = newest - tokens_[slot];
    const double sum = mean_score_ ? scores_[slot] / (age + 1) : scores_[slot];
    return age < recent_ ? std::numeric_limits<double>::infinity() : sum;
  };
  std::array<double, lanes> least;
  least.fill(std::numeric_limits<double>::infinity());
  Index first = 0;
  for (; first + lanes <= count(); first += lanes) {
    for (Index lane = 0; lane < lanes; ++lane) {
      const double here = score(first + lane);
      least[lane] = here < least[lane] ? here : least[lane];
    }
  }
  for (; first < count(); ++first) least[0] = std::min(least[0], score(first));
  const double lowest = *std::min_element(least.begin(), least.end());
  Index victim = -1;
  for (Index slot = 0; slot < count(); ++slot) {
    if (score(slot) == lowest && (victim < 0 || tokens_[slot] < tokens_[victim])) victim = slot;
  }
  return victim;
}

std::vector<Index> SinksAndWindow::tokens() const {
  std::vector<Index> list;
  for (Index token = 0; token < std::min(sinks_, count_); ++token) list.push_back(token);
  for (Index token = std::max(sinks_, count_ - window_); token < count_; ++token) list.push_back(token);
  return list;
}

}  // namespace kvfrontier::schemes
