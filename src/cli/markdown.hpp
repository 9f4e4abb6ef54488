#pragma once
// Documents that the binary writes, so that they say what the binary does: experiments/README.md and docs/schemes.md.

#include <string>

namespace kvfrontier::cli {

std::string claims_markdown();
std::string schemes_markdown();

// Text with the characters escaped that Markdown would take for markup.
std::string escaped_markdown(const std::string& text);

}  // namespace kvfrontier::cli
