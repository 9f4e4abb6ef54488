#pragma once
// Every record against the rules: ledgers that balance, lengths that the size formula gave, and no message below the
// information-theoretic floor of its error. The records say which floor applies, so those of a scheme that this program
// does not know are audited like all others.

#include <string>
#include <vector>

#include "sweep/store.hpp"

namespace kvfrontier::analysis {

// One-sided level, over all points, at which `audit` convicts.
inline constexpr double conviction_level = 1e-6;

struct Finding {
  std::string point;
  std::int64_t trial = -1;  // -1: of the point as a whole
  std::string what;
};

struct AuditReport {
  std::int64_t points = 0, records = 0;  // games looked at
  double nearest_gap = 0;                // least message_bits / floor_bits over points with public keys; 0 if none
  std::string nearest_point;
  std::vector<Finding> findings;  // empty: nothing below its floor
};

AuditReport audit(const sweep::Store& store);

}  // namespace kvfrontier::analysis
