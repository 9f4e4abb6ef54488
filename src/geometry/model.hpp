#pragma once
// Published visual autoregressive transformers, to translate a single-head result into one of them. Every head of every
// layer keeps its own cache, so memory scales with layers x heads.

#include <string>
#include <vector>

namespace kvfrontier::geometry {

struct Model {
  std::string name, schedule;  // schedule: a named one, which fixes n and N
  int layers = 0, heads = 0, d = 0;

  // MiB of all heads of one sequence when one head takes `bits`. Classifier-free guidance keeps two sequences.
  double mib(double bits) const { return bits * layers * heads / (8.0 * 1024 * 1024); }

  // VAR (arXiv 2404.02905: depth = heads, width 64 a head) and Infinity (arXiv 2412.04431) at their largest square
  // images.
  static const std::vector<Model>& all();
  // Throws UserError that gives the nearest name.
  static const Model& named(const std::string& name);
};

}  // namespace kvfrontier::geometry
