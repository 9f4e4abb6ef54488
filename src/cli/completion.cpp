// kvfrontier completion: a bash script from the verbs' usage lines and the names of the plug-ins.

#include <iostream>
#include <map>
#include <sstream>

#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "geometry/embedding.hpp"
#include "geometry/model.hpp"
#include "geometry/schedule.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "sweep/experiment.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* completion_usage = "completion bash";

std::string spaced(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// The words of a usage line, without brackets and dots.
std::vector<std::string> words_of(const std::string& usage) {
  std::string plain;
  for (const char c : usage) plain += c == '[' || c == ']' || c == '(' || c == ')' ? ' ' : c;
  std::istringstream stream(plain);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    word.erase(word.find_last_not_of('.') + 1);
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// Choices written as a|b|c; empty when the word is something else.
std::string choices(std::string word) {
  if (word.find('|') == std::string::npos || word.size() < 3) return {};
  for (char& c : word) {
    if (c == '|') c = ' ';
  }
  return word;
}

template <class T>
void append_names(std::vector<std::string>& names) {
  for (const auto& name : core::Registry<T>::names()) names.push_back(name);
}

std::string bash_script() {
  std::vector<std::string> verb_names, models, plug_ins;
  for (const Verb& verb : verbs()) verb_names.push_back(verb.name);
  for (const geometry::Model& model : geometry::Model::all()) models.push_back(model.name);
  append_names<sweep::Experiment>(plug_ins);
  append_names<schemes::Scheme>(plug_ins);
  append_names<geometry::Embedding>(plug_ins);
  append_names<reduction::InstanceFamily>(plug_ins);

  // Values of flags that every verb spells alike, and first words of a verb.
  std::map<std::string, std::string> values{{"--embedding", spaced(geometry::Embeddings::names())},
                                            {"--schedule", spaced(geometry::Schedule::names())},
                                            {"--model", spaced(models)},
                                            {"--only", spaced(sweep::Experiments::names())}};
  std::map<std::string, std::string> first{{"describe", spaced(plug_ins)}};
  std::string flags_of_verbs;
  for (const Verb& verb : verbs()) {
    std::string flags = "--help", previous;
    for (const std::string& word : words_of(verb.usage)) {
      if (word.rfind("--", 0) == 0) flags += " " + word;
      const std::string list = choices(word);
      if (!list.empty() && previous.rfind("--", 0) == 0) values.emplace(previous, list);
      if (!list.empty() && previous == verb.name) first.emplace(verb.name, list);
      previous = word;
    }
    if (verb.name == "completion") first.emplace("completion", "bash");
    flags_of_verbs += "      " + verb.name + ") flags=\"" + flags + "\" ;;\n";
  }
  const auto cases = [](const std::map<std::string, std::string>& map) {
    std::string text;
    for (const auto& [name, words] : map) text += "    " + name + ") words=\"" + words + "\" ;;\n";
    return text;
  };
  return R"(# bash completion for kvfrontier: source <(kvfrontier completion bash)
_kvfrontier() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words= flags=
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ")" +
         spaced(verb_names) + R"( --help --version" -- "$word"))
    return
  fi
  case $previous in
)" + cases(values) +
         R"(  esac
  if [[ -z $words && $word == -* ]]; then
    case $verb in
)" + flags_of_verbs +
         R"(    esac
    words=$flags
  elif [[ -z $words ]] && ((COMP_CWORD == 2)); then
    case $verb in
)" + cases(first) +
         R"(    esac
  fi
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _kvfrontier kvfrontier
)";
}

int print_completion(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  po::variables_map values;
  if (!parse("completion", completion_usage, flags, "SHELL", 1, arguments, values)) return 0;
  require_choice("completion", required(values, "SHELL", "completion"), {"bash"});
  std::cout << bash_script();
  return 0;
}

}  // namespace

Verb completion_verb() {
  return {"completion", completion_usage,
          "a script that completes verbs, flags and names: source <(kvfrontier completion bash)", print_completion};
}

}  // namespace kvfrontier::cli
