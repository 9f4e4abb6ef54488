// kvfrontier audit: exit 3 when a record breaks the rules or a point lies below its floor.

#include <cstdio>

#include "analysis/audit.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/text.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* audit_usage = "audit DIR";

int print_audit(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse("audit", audit_usage, po::options_description("flags"), "DIR", 1, arguments, values)) return 0;
  const std::string directory = required(values, "DIR", "audit");
  const sweep::Store store = read_records(directory);
  const auto report = analysis::audit(store);
  require_games(directory, store, report.points);
  for (const auto& finding : report.findings) {
    const std::string trial = finding.trial >= 0 ? ", trial " + std::to_string(finding.trial) : "";
    std::printf("point %s%s: %s\n", finding.point.c_str(), trial.c_str(), core::printable(finding.what).c_str());
  }
  std::printf("audited %ld measured trials of %ld points: %zu findings", report.records, report.points,
              report.findings.size());
  if (report.nearest_gap > 0)
    std::printf("; nearest to its floor: gap %.4f (point %s)", report.nearest_gap, report.nearest_point.c_str());
  std::printf("\n");
  return report.findings.empty() ? 0 : 3;
}

}  // namespace

Verb audit_verb() {
  return {"audit", audit_usage,
          "every record against its ledger, its size formula and the information floor; exit 3 on a finding",
          print_audit};
}

}  // namespace kvfrontier::cli
