#pragma once
// Documents that the binary writes, so that they say what the binary does: docs/claims.md and the references
// docs/schemes.md, docs/embeddings.md, docs/instances.md and docs/config.md.

#include <string>

namespace kvfrontier::cli {

std::string claims_markdown();
// The reference of a kind that `list` knows; of experiments it is that of configs.
std::string reference_markdown(const std::string& kind);

// Text with the characters escaped that Markdown would take for markup.
std::string escaped_markdown(const std::string& text);

}  // namespace kvfrontier::cli
