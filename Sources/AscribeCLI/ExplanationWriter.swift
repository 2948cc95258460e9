import Ascribe
import Foundation

/// A kind of file that `attribute` writes.
enum OutputFormat: String {
  case npy, json, png
}

/// Writes the explanations of one input file.
struct ExplanationWriter {
  let job: Job
  let input: ModelInput
  let options: AttributionOptions
  let digest: String
  let folder: String

  /// Writes what `formats` names, or what fits the input where it is nil, and gives back the facts.
  ///
  /// Explanations come one list per sample, one item per target. Files are named after the input;
  /// with several targets the index of each is added.
  func write(
    _ explanations: [[Explanation]], formats: Set<OutputFormat>?
  ) throws -> [ExplanationReport] {
    let drawsPicture = input.picture != nil && options.layer == nil
    let formats = formats ?? (drawsPicture ? [.npy, .json, .png] : [.npy, .json])
    let targetCount = explanations.first?.count ?? 0
    var reports: [ExplanationReport] = []
    for target in 0..<targetCount {
      let samples = explanations.map { $0[target] }
      let path = self.path(for: samples, of: targetCount)
      let facts = samples.enumerated().map { row, explanation in
        explanation.report(
          of: job.model, digest: digest, input: input, row: row, options: options, rule: job.rule)
      }
      if formats.contains(.npy) {
        try OutputFile.write(map(of: samples).npyData(), to: path + ".npy")
      }
      if formats.contains(.json) { try writeJSON(facts, to: path + ".json") }
      if formats.contains(.png), let first = samples.first {
        try OutputFile.write(try first.picture(of: input, options: options), to: path + ".png")
      }
      reports += facts
    }
    return reports
  }

  private func path(for samples: [Explanation], of targetCount: Int) -> String {
    let suffix = targetCount > 1 ? samples.first.map { ".\($0.target.index)" } ?? "" : ""
    return "\(folder)/\(input.stem)\(suffix)"
  }

  private func writeJSON(_ facts: [ExplanationReport], to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = facts.count == 1 ? try encoder.encode(facts[0]) : try encoder.encode(facts)
    try OutputFile.write([UInt8](data) + [UInt8(ascii: "\n")], to: path)
  }

  /// The maps of all samples in the shape of the explained value, in the model's precision.
  private func map(of samples: [Explanation]) -> Tensor {
    let rows = samples.map { explanation -> Tensor in
      let values = explanation.map.values
      return values.reshaped(to: Shape([1] + values.shape))
    }
    let elementType: ElementType = job.model.precision == .float64 ? .float64 : .float32
    return Tensor(stacking: rows).converted(to: elementType)
  }
}
