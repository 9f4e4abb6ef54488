#pragma once
// experiments/README.md, written by the binary so that it says what the binary judges by.

#include <string>

namespace kvfrontier::cli {

std::string claims_markdown();

}  // namespace kvfrontier::cli
