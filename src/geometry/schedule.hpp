#pragma once
// The pyramid of token maps. A visual autoregressive model emits maps of sides s_1 < s_2 < ... < s_K = n; the cache
// that is handed over before the last map holds N = sum_{k<K} s_k^2 tokens, in scale order, raster order inside a
// scale.

#include <string>
#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::geometry {

using core::Index;

struct Position {
  int scale = 0;  // 0-based
  int row = 0, column = 0;
};

class Schedule {
 public:
  // No maps and no tokens: where a scheme's fixed cost is read off its size formula.
  Schedule() = default;
  // Throws ConfigError at `path` unless `sides` holds at least two sides, positive and increasing, the last at most
  // 16384.
  Schedule(std::string name, std::vector<int> sides, const std::string& path = "schedule");

  // Named schedules: "doubling" (1, 2, 4, ..., n; n a power of two >= 2), "one_step" (1, n; n >= 2), and the published
  // "var256" (n = 16), "var512" (n = 32), "infinity" (n = 64), which fix n. `n` = 0 leaves n to a schedule that fixes
  // it. Throws ConfigError naming `path` and what is allowed.
  static Schedule named(const std::string& name, int n, const std::string& path = "schedule");
  static std::vector<std::string> names();
  // Side of the last map that `name` fixes, or 0 where n is free.
  static int fixed_side(const std::string& name);

  const std::string& name() const { return name_; }
  const std::vector<int>& sides() const { return sides_; }
  int n() const { return sides_.back(); }
  int scales() const { return static_cast<int>(sides_.size()) - 1; }  // cached scales: all but the last
  Index tokens() const { return first_.back(); }                      // N
  Index first_token(int scale) const { return first_[scale]; }        // first_token(scales()) == tokens()
  // 0 <= token < tokens().
  int scale_of(Index token) const;
  Position position(Index token) const;

 private:
  std::string name_;
  std::vector<int> sides_;
  std::vector<Index> first_{0};
};

}  // namespace kvfrontier::geometry
