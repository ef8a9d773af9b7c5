#include "report.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {

namespace {

struct Row {
    const Competitor* competitor = nullptr;
    double plain = 0;
    double tls = 0;
};

std::string printed(const char* format, auto... values) {
    char text[512];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

constexpr int left = 230, width = 760, row_height = 46, bar = 16, top = 72;
constexpr double longest = width - left - 70;

std::string drawn_bar(int y, double value, double most, const char* colour) {
    const bool cut = value > most;
    const double length = cut ? longest : value / most * longest;
    auto out =
        printed("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", left, y, length, bar, colour);
    // A bar that would leave the picture has a gap, and its number tells the rest.
    if (cut)
        out += printed("<path d=\"M%.1f %d l8 -%d h6 l-8 %d z\" fill=\"#fff\"/>\n", left + longest - 40.0, y + bar + 1,
                       bar + 2, bar + 2);
    return out + printed("<text x=\"%.1f\" y=\"%d\">%.*f</text>\n", left + length + 6, y + bar - 4, value < 100 ? 1 : 0,
                         value);
}

}  // namespace

std::string svg(const Group& group) {
    std::vector<Row> rows;
    for (const auto& cell : group.cells) {
        auto row =
            std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.competitor == cell.competitor; });
        if (row == rows.end()) row = rows.insert(row, {.competitor = cell.competitor});
        (cell.setting.tls ? row->tls : row->plain) = median_of(cell, [](const Measured& m) { return m.cpu_us(); });
    }
    // To the scale of what is linked into the program; interpreters would leave nothing of the rest to be seen.
    double most = 0;
    for (const auto& row : rows)
        if (row.competitor->anywhere) most = std::max({most, row.plain, row.tls});
    if (most == 0)
        for (const auto& row : rows) most = std::max({most, row.plain, row.tls});

    const int height = top + static_cast<int>(rows.size()) * row_height + 16;
    std::string out = printed(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
        "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n<rect width=\"%d\" height=\"%d\" "
        "fill=\"#fff\"/>\n",
        width, height, width, height, width, height);
    out += "<text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"bold\">CPU microseconds a call</text>\n";
    out += printed("<text x=\"16\" y=\"48\">%s</text>\n", group.title.c_str());
    out += printed(
        "<rect x=\"%d\" y=\"38\" width=\"12\" height=\"12\" fill=\"#8fbbe8\"/><text x=\"%d\" y=\"48\">plain</text>\n",
        width - 160, width - 142);
    out += printed(
        "<rect x=\"%d\" y=\"38\" width=\"12\" height=\"12\" fill=\"#1f5fa8\"/><text x=\"%d\" y=\"48\">TLS 1.3</text>\n",
        width - 90, width - 72);
    int y = top;
    for (const auto& row : rows) {
        const auto name = std::string{row.competitor->description};
        const bool ours = name.starts_with("this library");
        out += printed("<text x=\"%d\" y=\"%d\" text-anchor=\"end\"%s>%s</text>\n", left - 10, y + bar + 5,
                       ours ? " font-weight=\"bold\"" : "", name.c_str());
        if (row.plain > 0) out += drawn_bar(y, row.plain, most, ours ? "#f2b179" : "#8fbbe8");
        if (row.tls > 0) out += drawn_bar(y + bar + 2, row.tls, most, ours ? "#c65d0c" : "#1f5fa8");
        y += row_height;
    }
    return out + "</svg>\n";
}

}  // namespace bench
