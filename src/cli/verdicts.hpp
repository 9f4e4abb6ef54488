#pragma once
// Claims judged from records that are stored already: what `verify --from` and `report` share.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/claim.hpp"

namespace kvfrontier::cli {

// A directory and those in it, where records are looked for.
std::vector<std::string> directories_of_records(const std::string& directory);

// The records of a directory and of the directories in it. Throws UserError when there are none, ending in `advice`.
sweep::Store read_tree(const std::string& directory, const std::string& advice);

// Points of a plan, or that its searches have asked for so far, which the store has records of.
std::int64_t covered_points(const sweep::Plan& plan, const sweep::Store& store);

// The plan of a claim's sweep: under `seed`, or without one under the seed that its stored records have: of the eight with
// the most points the one that covers most of the plan; 1 where none does.
sweep::Plan stored_plan(const analysis::Claim& claim, analysis::Size size, std::optional<std::uint64_t> seed,
                        const sweep::Store& store);

// A verdict with what the claim claims. `lack` says why it is inconclusive though no check is, or is empty.
core::Json verdict_json(const analysis::Claim& claim, const analysis::Verdict& verdict, const std::string& lack);

}  // namespace kvfrontier::cli
