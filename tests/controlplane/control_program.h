// SPDX-License-Identifier: Apache-2.0
// A clew-control process of a test: started, waited for, killed.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace clew::control {

class ControlProgram {
  public:
    /// `log`: where its standard error goes.
    ControlProgram(const std::string& program, const std::string& config, std::string log) : log_(std::move(log)) {
        ::unlink(log_.c_str());  // an earlier one's words must not be taken for this one's
        pid_ = ::fork();
        if (pid_ != 0) return;
        const int file = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, 2);
        ::execl(program.c_str(), program.c_str(), "--config", config.c_str(), nullptr);
        ::_exit(127);
    }
    ~ControlProgram() {
        if (pid_ > 0) end(SIGKILL);
    }
    ControlProgram(const ControlProgram&) = delete;
    ControlProgram& operator=(const ControlProgram&) = delete;

    /// Waits for the line that says so; false when the program ended instead.
    bool wait_ready() {
        for (int i = 0; i < 3000; ++i) {
            if (said().find("ready:") != std::string::npos) return true;
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return false;
    }
    /// Sends the signal and waits; the exit code, or -1 when it died of a signal.
    int end(int signal_number) {
        int status = 0;
        ::kill(pid_, signal_number);
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return exit_code_;
    }
    bool running() const { return pid_ > 0; }
    int exit_code() const { return exit_code_; }
    std::string said() const {
        std::ifstream file(log_);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    /// "http://127.0.0.1:PORT", as it says when it is ready.
    std::string api_url() const {
        const std::string text = said();
        const std::size_t start = text.find("http://");
        return start == std::string::npos ? std::string() : text.substr(start, text.find('\n', start) - start);
    }

  private:
    std::string log_;
    pid_t pid_ = -1;
    int exit_code_ = -1;
};

}  // namespace clew::control
