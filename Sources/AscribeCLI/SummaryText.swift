import Ascribe
import Foundation

/// The results of an evaluation told in tables.
enum SummaryText {
  /// Tables: for each model one of the model itself, and one of methods.
  static func lines(of summary: ResultSummary) -> [String] {
    let samples = summary.samples
    var lines = [
      "\(Console.count(samples.done)) of \(Console.count(samples.total, "sample")), "
        + "\(Console.count(samples.failed)) failed; score of the \(explained(summary)), "
        + layer(of: summary) + inputs(of: summary)
        + "baseline \(baseline(of: summary)), \(summary.protocol.precision)"
    ]
    for model in summary.protocol.models {
      let results = summary.results.filter { $0.model == model.name }
      guard !results.isEmpty else { continue }
      lines.append("")
      lines.append(model.name)
      let own = results.filter { $0.method == nil }
      if !own.isEmpty {
        lines.append(
          "  " + own.map { "\(heading($0.metric)) \(mean($0))" }.joined(separator: ", ")
            + count(own))
      }
      lines += table(results.filter { $0.method != nil }, summary.protocol.methods)
    }
    if let text = blackMasks(summary.masks) { lines += ["", text] }
    if !summary.failures.isEmpty {
      lines.append("")
      lines.append("failed:")
      let shown = summary.failures.prefix(10)
      lines += shown.map { "  \($0.name): \($0.reason)" }
      if summary.failures.count > shown.count {
        lines.append("  and \(summary.failures.count - shown.count) more; --json lists them")
      }
    }
    return lines
  }

  /// In how many masks there is no object; nil where each shows one.
  static func blackMasks(_ masks: ResultSummary.Masks) -> String? {
    guard masks.black > 0 else { return nil }
    return "no pixel reaches 128 after preprocessing in \(Console.count(masks.black)) of "
      + "\(Console.count(masks.total)) masks: pointing game and relevance mass have no value there"
  }

  /// A line for each mean.
  static func csv(_ summary: ResultSummary) -> [String] {
    ["model,method,metric,n,mean,standard_error"]
      + summary.results.map { result in
        let error = result.standardError.map { "\($0)" } ?? ""
        return [
          quoted(result.model), result.method ?? "", result.metric, "\(result.n)",
          result.mean.map { "\($0)" } ?? "", error,
        ].joined(separator: ",")
      }
  }

  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
  }

  private static func explained(_ summary: ResultSummary) -> String {
    summary.protocol.target == "label" ? "label" : "best class"
  }

  /// What further inputs of the models got, each said once.
  private static func inputs(of summary: ResultSummary) -> String {
    let inputs = summary.protocol.models.flatMap { model in
      (model.inputs ?? [:]).map { "input '\($0)' \(shortened($1)), " }
    }
    return Set(inputs).sorted().joined()
  }

  private static func layer(of summary: ResultSummary) -> String {
    summary.protocol.layer.map { "layer '\($0)', " } ?? ""
  }

  private static func baseline(of summary: ResultSummary) -> String {
    shortened(summary.protocol.baseline)
  }

  /// Digests of files cut off behind their beginning.
  private static func shortened(_ text: String) -> String {
    text.replacing(/([0-9a-f]{12})[0-9a-f]{52}/) { String($0.output.1) }
  }

  /// A row for each method and a column for each metric, broken where it gets too wide.
  private static func table(_ results: [ResultSummary.Result], _ methods: [String]) -> [String] {
    var metrics: [String] = []
    for result in results where !metrics.contains(result.metric) { metrics.append(result.metric) }
    return stride(from: 0, to: metrics.count, by: 6).flatMap { start -> [String] in
      let part = Array(metrics[start..<min(start + 6, metrics.count)])
      let rows = methods.compactMap { method -> [String]? in
        let cells = part.map { metric in
          results.first { $0.method == method && $0.metric == metric }.map(mean) ?? "-"
        }
        return cells.allSatisfy { $0 == "-" } ? nil : ["  \(method)"] + cells
      }
      let table = Console.table(
        [["  method"] + part.map(heading)] + rows, rightAligned: Set(1...part.count))
      let judged = results.filter {
        part.contains($0.metric) && $0.metric != "difference-batch"
      }
      let sizes = Set(judged.map(\.n))
      let remark =
        sizes.count == 1
        ? [] : ["  n from \(sizes.min() ?? 0) to \(sizes.max() ?? 0); --csv has each"]
      return [table] + remark
    }
  }

  private static func heading(_ metric: String) -> String {
    let arrow = Metric.isHigherBetter(metric).map { $0 ? " ↑" : " ↓" } ?? ""
    return metric + arrow
  }

  private static func count(_ results: [ResultSummary.Result]) -> String {
    Set(results.map(\.n)).count == 1 ? " (n = \(results[0].n))" : ""
  }

  private static func mean(_ result: ResultSummary.Result) -> String {
    guard let value = result.mean else { return "-" }
    let isLarge = abs(value) >= 1000
    let mean = isLarge ? String(format: "%.0f", value) : Console.number(value)
    guard let error = result.standardError, error > 0 else { return mean }
    let margin = isLarge ? String(format: "%.0f", error) : Console.number(error, digits: 2)
    return "\(mean) ± \(margin)"
  }
}
