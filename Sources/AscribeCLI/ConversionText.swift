import Ascribe

/// A conversion told in lines.
enum ConversionText {
  static func lines(of report: ConversionReport, output: String) -> [String] {
    var lines: [String] = []
    if report.foldedBatchNormalizations > 0 {
      lines.append(
        "folded \(count(report.foldedBatchNormalizations, "BatchNormalization")) into convolutions")
    }
    if report.removed.isEmpty {
      lines.append("nothing to strip: the model adds no bias; \(output) holds the same graph")
    } else {
      let elements = report.removed.reduce(0) { $0 + $1.elements }
      lines.append(
        "removed \(count(report.removed.count, "bias", "biases")), \(Console.count(elements)) numbers:"
      )
      lines.append(table(report.removed))
    }
    if !report.kept.isEmpty {
      lines.append("left, since they may be no biases (--also NAME strips one):")
      lines.append(table(report.kept))
    }
    for item in report.replaced {
      lines.append("replaced '\(item.node)' (\(item.operator)) by \(item.by)")
    }
    lines += homogeneity(report.homogeneity)
    return lines + ["\(output) written"]
  }

  private static func homogeneity(_ found: ModelSummary.Homogeneity) -> [String] {
    if let degree = found.degree {
      return ["homogeneous of degree \(degree): method xg explains it exactly in one pass"]
    }
    guard !found.breakers.isEmpty else {
      return ["not homogeneous: the scores do not grow with the input"]
    }
    return ["not homogeneous, because of \(count(found.breakers.count, "node")):"]
      + found.breakers.map { "  '\($0.node)' (\($0.operator)) \($0.reason)" }
  }

  private static func table(_ constants: [ConversionReport.Constant]) -> String {
    Console.table(
      constants.map { item in
        [
          "  \(item.node)", item.operator, item.name, Console.count(item.elements),
          item.reason ?? "",
        ]
      }, rightAligned: [3])
  }

  private static func count(_ number: Int, _ one: String, _ several: String? = nil) -> String {
    "\(number) \(number == 1 ? one : several ?? one + "s")"
  }
}
