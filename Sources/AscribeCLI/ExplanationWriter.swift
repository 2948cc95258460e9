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
  /// The places of the files that the user named, over which nothing is written.
  let named: Set<String>

  /// Writes what `formats` names, or what fits the input where it is nil, and gives back the facts.
  ///
  /// Explanations come one list per sample, one item per target. Files are named after the input;
  /// if several targets are asked for the name of each is added, and a map that several name has files
  /// under each name. All are made before any is written.
  func write(
    _ explanations: [[Explanation]], formats: Set<OutputFormat>?
  ) throws -> [(report: ExplanationReport, explanation: Explanation)] {
    let isPicture = input.picture != nil && options.method.attributedLayer == nil
    let formats = formats ?? (isPicture ? [.npy, .json, .png] : [.npy, .json])
    let targetCount = explanations.first?.count ?? 0
    var written: [(report: ExplanationReport, explanation: Explanation)] = []
    var files: [(path: String, bytes: [UInt8])] = []
    var reports: [[ExplanationReport]] = []
    for target in 0..<targetCount {
      let samples = explanations.map { $0[target] }
      let path = self.path(of: samples.first?.name, of: max(targetCount, options.targets.count))
      let facts = samples.enumerated().map { row, explanation in
        explanation.report(
          of: job.model, digest: digest, input: input, row: samples.count > 1 ? row : nil,
          options: options, rule: job.rule)
      }
      files += try self.files(at: path, samples, facts, formats)
      written += zip(facts, samples).map { ($0, $1) }
      reports.append(facts)
    }
    for name in explanations.first?.flatMap(\.otherNames) ?? [] {
      let places = explanations.compactMap { $0.firstIndex { $0.otherNames.contains(name) } }
      files += try self.files(
        at: path(of: name, of: 2), zip(explanations, places).map { $0[$1] },
        places.enumerated().map { reports[$1][$0] }, formats)
    }
    for file in files { try requireOther(than: file.path) }
    for file in files { try OutputFile.write(file.bytes, to: file.path) }
    return written
  }

  /// The files of one target.
  private func files(
    at path: String, _ samples: [Explanation], _ facts: [ExplanationReport],
    _ formats: Set<OutputFormat>
  ) throws -> [(path: String, bytes: [UInt8])] {
    var files: [(path: String, bytes: [UInt8])] = []
    if formats.contains(.npy) { files.append((path + ".npy", map(of: samples).npyData())) }
    if formats.contains(.json) { files.append((path + ".json", try json(facts))) }
    if formats.contains(.png), let first = samples.first, options.layer == nil {
      files.append((path + ".png", try first.picture(of: input, options: options)))
    }
    return files
  }

  /// Refuses to write a result over a file that the user named.
  private func requireOther(than path: String) throws(ModelError) {
    guard named.contains(Self.place(of: path)) else { return }
    throw ModelError(
      "a result would be written over this input; name another folder with --output",
      kind: .usage, file: path)
  }

  /// Where a file is, links followed.
  static func place(of path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().path
  }

  private func path(of name: String?, of targetCount: Int) -> String {
    guard targetCount > 1, let name else { return "\(folder)/\(input.stem)" }
    return "\(folder)/\(input.stem).\(name)"
  }

  private func json(_ facts: [ExplanationReport]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = facts.count == 1 ? try encoder.encode(facts[0]) : try encoder.encode(facts)
    return [UInt8](data) + [UInt8(ascii: "\n")]
  }

  /// The maps of all samples in the shape of the explained value, in the model's precision.
  private func map(of samples: [Explanation]) -> Tensor {
    let elementType: ElementType = job.model.precision == .float64 ? .float64 : .float32
    return Tensor(stacking: samples.map(\.map.values)).converted(to: elementType)
  }
}
