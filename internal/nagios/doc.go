// Package nagios turns what a check found into what monitoring systems read: a status, metrics with thresholds, and
// the text, JSON or table that carries them. It does no I/O.
//
// A check gathers a [Result]. [Judge] binds it to the check's declared metrics ([Spec]) and the [Thresholds] in force
// and gives a [Report], which knows its [Status] and how to render itself. Value and limit meet only there, so that
// verdict, text, performance data and JSON cannot differ.
//
// The norms are the Monitoring Plugins guidelines (https://www.monitoring-plugins.org/doc/guidelines.html) and
// draft-kaestle-monitoring-plugins-interface; where they are silent or consumers disagree, what Icinga 2, Nagios Core
// and Checkmk accept decides.
package nagios
