import Foundation
import Graphs
import SwiftCSV

/// A CSV file (RFC 4180) with the columns `file` and `label`.
struct LabelList {
  private static let largestFile = 1 << 28

  /// Files, relative to the list, and their labels, in the order of the list.
  let rows: [(file: String, label: String)]

  init(contentsOf path: String) throws(ModelError) {
    let bytes: [UInt8]
    do throws(FileFailure) {
      bytes = try fileBytes(path, limit: Self.largestFile)
    } catch {
      throw ModelError("the list cannot be read: \(error.reason)", kind: .noInput)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ModelError("the list is not UTF-8 text")
    }
    guard let table = try? CSV<Enumerated>(string: text),
      let file = table.header.firstIndex(of: "file"),
      let label = table.header.firstIndex(of: "label")
    else { throw ModelError("its first line must name the columns 'file' and 'label'") }
    var seen: Set<String> = []
    var rows: [(file: String, label: String)] = []
    for row in table.rows where row.contains(where: { !$0.isEmpty }) {
      guard row.indices.contains(file), row.indices.contains(label), !row[file].isEmpty,
        !row[label].isEmpty
      else { throw ModelError("row \(rows.count + 1) lacks a file or a label") }
      guard !row[file].hasPrefix("/"), !row[file].split(separator: "/").contains("..") else {
        throw ModelError("file '\(row[file])' lies outside of the folder")
      }
      guard seen.insert(row[file]).inserted else {
        throw ModelError("file '\(row[file])' is listed twice")
      }
      rows.append((row[file], row[label]))
    }
    self.rows = rows
  }
}
