import Ascribe
import Foundation

/// A conversion told in lines.
enum ConversionText {
  static func lines(of report: ConversionReport, output: String) -> [String] {
    var lines: [String] = []
    if report.foldedBatchNormalizations > 0 {
      lines.append(
        "folded \(count(report.foldedBatchNormalizations, "BatchNormalization")) into convolutions")
    }
    if report.removed.isEmpty {
      let isSame = report.replaced.isEmpty ? "; \(output) holds the same graph" : ""
      let what = report.kept.isEmpty ? "the model adds no bias" : "no bias is certain"
      lines.append("nothing to strip: \(what)\(isSame)")
    } else {
      let elements = report.removed.reduce(0) { $0 + $1.elements }
      lines.append(
        "removed \(count(report.removed.count, "bias", "biases")), \(count(elements, "number")):"
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
    if let calibration = report.calibration { lines += self.calibration(calibration) }
    if let measured = report.measured {
      lines += measurement(measured)
    } else if !report.removed.isEmpty || !report.replaced.isEmpty {
      lines.append(
        "not measured: --data FOLDER compares it with the original, --absorb FOLDER fits its weights"
      )
    }
    return lines + ["\(output) written"]
  }

  private static func homogeneity(_ found: ModelSummary.Homogeneity) -> [String] {
    var limits: [String] = []
    if let node = found.omittedNode { limits.append("judged before the final '\(node)'") }
    if !found.otherOutputs.isEmpty {
      let others = found.otherOutputs.map { "'\($0)'" }.joined(separator: ", ")
      limits.append("judged by output '\(found.output)', not by \(others)")
    }
    if let shapes = found.judgedFor { limits.append("judged for \(shapes)") }
    return verdict(found) + limits.map { "  \($0)" }
  }

  private static func verdict(_ found: ModelSummary.Homogeneity) -> [String] {
    if let degree = found.degree {
      return ["homogeneous of degree \(degree): method xg explains it exactly in one pass"]
    }
    guard !found.breakers.isEmpty else {
      return ["not homogeneous: the scores do not grow with the input"]
    }
    return ["not homogeneous, because of \(count(found.breakers.count, "node")):"]
      + found.breakers.map { "  '\($0.node)' (\($0.operator)) \($0.reason)" }
  }

  private static func calibration(_ report: CalibrationReport) -> [String] {
    let changed = report.layers.count { $0.solution != .unchanged }
    var lines = [
      "weights of \(changed) of \(count(report.layers.count, "layer")) fitted to "
        + "\(count(report.pictures, "picture")) of \(report.data) by \(report.method)"
    ]
    for layer in report.layers where layer.solution == .unchanged {
      lines.append("  '\(layer.name)' (\(layer.operatorName)) not: \(layer.reason ?? "no gain")")
    }
    return lines + skipped(report.skipped)
  }

  private static func measurement(_ measured: ConversionMeasurement) -> [String] {
    let hasAccuracy = measured.variants.contains { $0.accuracy != nil }
    let maps = measured.variants.compactMap { $0.difference?.count }.max()
    var heading = ["  model", "top-1", "top-5", "cosine"]
    if hasAccuracy { heading.append("accuracy") }
    if maps != nil { heading += ["xg - ig", "in batches"] }
    let rows = measured.variants.map { variant in
      let agreement = [variant.agreement.top1, variant.agreement.top5, variant.agreement.cosine]
      var row = ["  \(variant.name)"] + agreement.map(share)
      if hasAccuracy { row.append(variant.accuracy.map { share($0.top1) } ?? "") }
      if maps != nil {
        row += [variant.difference?.perPicture, variant.difference?.perBatch].map { ratio in
          ratio.map { Console.number(100 * $0, digits: 3) + " %" } ?? ""
        }
      }
      return row
    }
    var lines = [
      "agreement with the original on \(count(measured.pictures, "picture")) of \(measured.data):",
      Console.table([heading] + rows, rightAligned: Set(1...heading.count)),
    ]
    if let maps {
      lines.append(
        "xg - ig: mean absolute relative difference on \(count(maps, "picture")), each by itself "
          + "and in batches of 16; input-x-gradient where xg is not proved")
    }
    if let stripped = measured.variant("stripped"), measured.variants.count > 2,
      measured.variants.dropFirst(2).allSatisfy({ $0.agreement.top1 < stripped.agreement.top1 })
    {
      lines.append("fitting made it worse than stripping alone: give --absorb more pictures")
    }
    return lines + skipped(measured.skipped)
  }

  private static func skipped(_ files: [SampleFolder.Skipped]) -> [String] {
    guard !files.isEmpty else { return [] }
    return ["skipped \(count(files.count, "file")) that cannot be used:"]
      + files.map { "  \($0.path): \($0.reason)" }
  }

  private static func share(_ value: Double) -> String {
    // Never 1.000 or 0.000 for what is not.
    String(format: value < 1 && value > 0.9994 ? "%.5f" : "%.3f", value)
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
    "\(Console.count(number)) \(number == 1 ? one : several ?? one + "s")"
  }
}
