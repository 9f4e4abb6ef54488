#pragma once
// What every scheme and every budget of a sweep asks of the same instances is computed once. Safe for threads; all of
// it is a function of the arguments, so nothing of it can be seen in a record.

#include <algorithm>
#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "attention/attention.hpp"
#include "reduction/certificate.hpp"

namespace kvfrontier::simulator {

class CertificateCache {
 public:
  reduction::Certificate get(const reduction::Instance& instance) {
    const std::uint64_t coins = instance.coins().open.value;
    {
      const std::lock_guard lock(mutex_);
      const auto known = certificates_.find(coins);
      if (known != certificates_.end()) return known->second;
    }
    const reduction::Certificate certificate = reduction::certify(instance);
    const std::lock_guard lock(mutex_);
    return certificates_.emplace(coins, certificate).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, reduction::Certificate>
      certificates_;  // two instances share public coins with probability 2^-64
};

// Exact attention over an instance in double, keys and values generated as they stream by.
inline core::RowMatrixD exact_outputs(const reduction::Instance& instance, const core::RowMatrixD& queries) {
  constexpr core::Index block = 1024;
  const core::Index tokens = instance.params().tokens(), d = instance.params().d;
  attention::SoftmaxAttention<double> attention(queries, d);
  core::RowMatrixF keys, values;
  for (core::Index first = 0; first < tokens; first += block) {
    const core::Index count = std::min(block, tokens - first);
    keys.resize(count, d);
    values.resize(count, d);
    instance.keys(first, keys);
    instance.values(first, values);
    attention.absorb(keys.cast<double>().eval(), values.cast<double>().eval());
  }
  return attention.result();
}

// The exact outputs of the latest games, 64 MiB of them at most.
class ExactOutputsCache {
 public:
  using Outputs = std::shared_ptr<const core::RowMatrixD>;

  // `queries` are looked at where the outputs are not known: they must be a function of the instance's coins, of tau
  // and of `counts`, how many there are of each kind.
  Outputs get(const reduction::Instance& instance, double tau, const std::array<core::Index, 3>& counts,
              const core::RowMatrixD& queries) {
    const Key key{instance.coins().open.value, instance.coins().alice.value, instance.coins().bob.value, tau, counts};
    {
      const std::lock_guard lock(mutex_);
      const auto known = places_.find(key);
      if (known != places_.end()) {
        latest_.splice(latest_.begin(), latest_, known->second);
        return known->second->second;
      }
    }
    const auto outputs = std::make_shared<const core::RowMatrixD>(exact_outputs(instance, queries));
    const std::lock_guard lock(mutex_);
    if (places_.count(key) > 0) return outputs;
    latest_.emplace_front(key, outputs);
    places_.emplace(key, latest_.begin());
    entries_ += outputs->size();
    while (entries_ > most_entries && latest_.size() > 1) {
      entries_ -= latest_.back().second->size();
      places_.erase(latest_.back().first);
      latest_.pop_back();
    }
    return outputs;
  }

 private:
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, double, std::array<core::Index, 3>>;
  static constexpr core::Index most_entries = 8 << 20;

  std::mutex mutex_;
  std::list<std::pair<Key, Outputs>> latest_;  // the latest first
  std::map<Key, std::list<std::pair<Key, Outputs>>::iterator> places_;
  core::Index entries_ = 0;
};

}  // namespace kvfrontier::simulator
