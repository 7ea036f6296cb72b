// SPDX-License-Identifier: Apache-2.0
#include "controlplane/open_metrics.h"

#include <map>

namespace clew::control {
namespace {

/// A metric's name: letters, digits and '_' alone.
std::string name_of(const std::string& prefix, const std::string& name) {
    std::string result = prefix;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        result += plain ? c : '_';
    }
    return result;
}

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\' || c == '"') result += '\\';
        if (c == '\n')
            result += "\\n";
        else
            result += c;
    }
    return result;
}

/// All samples of one metric: they must stand together.
struct Family {
    std::string help;
    std::string samples;
    const char* type = "unknown";  // a peer's counter may be a sum or a level
};

/// Of the control plane's own: what stands now, not what was counted.
bool is_level(const std::string& name) { return name.ends_with("_waiting") || name.ends_with("_in_window"); }

void write(const std::string& name, const Family& family, std::string& text) {
    text += "# TYPE " + name + " " + family.type + "\n";
    if (!family.help.empty()) text += "# HELP " + name + " " + escaped(family.help) + "\n";
    text += family.samples;
}

}  // namespace

std::string to_open_metrics(const v1::Status& status) {
    std::map<std::string, Family> families;
    for (const v1::StatusCounter& counter : status.counters()) {
        const std::string name = name_of("clew_", counter.name());
        families[name].help = counter.text();
        families[name].type = is_level(counter.name()) ? "gauge" : "counter";
        families[name].samples +=
            name + (is_level(counter.name()) ? " " : "_total ") + std::to_string(counter.value()) + "\n";
    }
    for (const v1::ObserverStatus& observer : status.observers()) {
        const std::string label = "observer=\"" + escaped(observer.name()) + "\"";
        Family& connected = families["clew_observer_connected"];
        connected.help = "1 while the observer answers";
        connected.samples += "clew_observer_connected{" + label + "} " + (observer.connected() ? "1" : "0") + "\n";
        std::map<std::string, std::string> once;  // the same name and tap twice would not be OpenMetrics
        for (const v1::StatusCounter& counter : observer.counters()) {
            const std::string name = name_of("clew_observer_", counter.name());
            const std::string labels = label + (counter.tap().empty() ? "" : ",tap=\"" + escaped(counter.tap()) + "\"");
            if (!once.emplace(name + labels, "").second) continue;
            if (!counter.text().empty()) families[name].help = counter.text();
            families[name].samples += name + "{" + labels + "} " + std::to_string(counter.value()) + "\n";
        }
    }
    std::string text;
    for (const auto& [name, family] : families) write(name, family, text);
    return text + "# EOF\n";
}

}  // namespace clew::control
